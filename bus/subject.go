package bus

import "strconv"

// Subjects of the verbs that every NATS client may use; see contract.md for their bodies.
const (
	SubjectStart  = "tracker.start"
	SubjectSpawn  = "tracker.spawn"
	SubjectLookup = "tracker.lookup"
	SubjectCall   = "tracker.call"
	SubjectStop   = "tracker.stop"
	SubjectRetry  = "tracker.retry"
	SubjectList   = "tracker.list"
	SubjectFleet  = "tracker.fleet"
	SubjectDrain  = "tracker.drain"
)

// Subject patterns of what the streams hold and of the workers' own traffic.
const (
	SubjectEvents     = "tracker.events.>"
	SubjectOwners     = "tracker.fleet.owner.*"
	SubjectHeartbeats = "tracker.fleet.heartbeat.*"

	// CursorStarts holds the last sequence of TRACKER_STARTS of which it and all before are committed.
	CursorStarts = "tracker.fleet.cursor.starts"
)

// NoToken stands in a one-hop request's subject where no single transaction is meant (bulk requests, lists). No ID has it.
const NoToken = "="

// StartSubject is where a start of id is published when the ID is in the subject.
func StartSubject(id ID) string { return SubjectStart + "." + id.Token() }

// StateSubject holds the record of id.
func StateSubject(id ID) string {
	slot := id.Slot()
	return "tracker.fleet.state." + strconv.Itoa(slot%Partitions) + "." + strconv.Itoa(slot) + "." + id.Token()
}

// EventSubject holds event number n of id.
func EventSubject(id ID, eventType string, n uint64) string {
	return "tracker.events." + id.Token() + "." + eventType + "." + strconv.FormatUint(n, 10)
}

// OwnerSubject holds the owner record of a partition; the sequence of its last message is the partition's epoch.
func OwnerSubject(partition int) string { return ownerSubjects[partition] }

// ownerSubjects are made once: every message of a journal names one.
var ownerSubjects = func() (all [Partitions]string) {
	for p := range all {
		all[p] = "tracker.fleet.owner." + strconv.Itoa(p)
	}
	return all
}()

// CursorSubject holds the source checkpoints of a partition.
func CursorSubject(partition int) string { return "tracker.fleet.cursor." + strconv.Itoa(partition) }

// HeartbeatSubject is where a worker says that it lives.
func HeartbeatSubject(worker string) string { return "tracker.fleet.heartbeat." + worker }

// RequestSubject asks the owner of a partition directly: verb is the last part of the public verb's subject, token the
// transaction's or [NoToken].
func RequestSubject(partition int, verb, token string) string {
	return "tracker.fleet.p." + strconv.Itoa(partition) + "." + verb + "." + token
}

// RejectedSubject keeps start messages that could not be understood.
func RejectedSubject(reason string) string { return "tracker.rejected." + reason }
