package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// creating is the configuration of a worker that may make streams.
func creating(c *Config) { c.ManageAssets = bus.AssetsCreate }

// storedRecord reads the record of a transaction from the stream; nil: there is none.
func (s *site) storedRecord(t *testing.T, id string) (*tracker.Record, uint64) {
	t.Helper()
	parsed := parseID(t, id)
	raw, err := bus.NewRecords(s.nc).Get(t.Context(), bus.StateSubject(parsed))
	if err != nil || raw == nil {
		return nil, 0
	}
	record, err := tracker.Decode(raw.Data)
	if err != nil {
		t.Fatal(err)
	}
	return record, raw.Revision
}

// stored reports whether there is a record.
func (s *site) stored(subject string) bool {
	raw, err := bus.NewRecords(s.nc).Get(s.t.Context(), subject)
	return err == nil && raw != nil
}

// ground returns the stream TRACKER that there is.
func (s *site) ground(t *testing.T) bus.Ground {
	t.Helper()
	g, err := bus.ReadGround(t.Context(), s.js)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestTrackersOfAStreamThatWasDeletedAreWrittenAgain deletes TRACKER under two workers that may make streams: they make it
// anew, above all sequences that were used, every tracker is the process that it was, and goes on with its next event.
func TestTrackersOfAStreamThatWasDeletedAreWrittenAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	workers := []*Worker{s.worker("w-1", creating), s.worker("w-2", creating)}
	eventually(t, "shared", func() bool { return workers[0].Stats().Partitions == 128 && workers[1].Stats().Partitions == 128 })
	const trackers = 40
	before := make(map[string]string)
	for i := range trackers {
		id := fmt.Sprint("live_", i)
		s.request("spawn", fmt.Sprintf(`{"transaction_id":%q,%s}`, id, waits))
		eventually(t, "pending", func() bool { return path(s.request("lookup", id), "tracker", "status") == "pending" })
		before[id] = identity(s.request("lookup", id))
	}
	s.publishStart(`{"transaction_id":"streamed",` + waits + `}`)
	eventually(t, "the cursor is stored", func() bool { return s.stored(bus.CursorStarts) })
	old := s.ground(t)
	if err := s.js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		eventually(t, "unready", func() bool { return failing(w)["streams"] })
	}
	for _, w := range workers {
		eventually(t, "ready again", func() bool { return len(failing(w)) == 0 })
	}
	if now := s.ground(t); now.First <= old.Last || now.Is(old) {
		t.Errorf("the new stream begins at %d, the old one had come to %d", now.First, old.Last)
	}
	for id, was := range before {
		record, revision := s.storedRecord(t, id)
		if record == nil || revision <= old.Last || record.Events() != 2 {
			t.Fatalf("the record of %s is not written again: %+v at %d", id, record, revision)
		}
		if now := identity(s.request("lookup", id)); now != was {
			t.Errorf("%s was %s and is %s", id, was, now)
		}
		s.request("stop", id)
		if n := s.lastEvent(t, id); n != 3 {
			t.Errorf("the last event of %s is number %d, want 3", id, n)
		}
	}
	if !s.stored(bus.CursorStarts) {
		t.Error("the cursor of starts is not written again: whoever pumps next takes all that are not purged once more")
	}
	if got := s.request("lookup", "nobody")["status"]; got != "not_found" {
		t.Errorf("lookup of nobody answered %v", got)
	}
}

// identity is what must not change of a tracker that lives on.
func identity(lookup map[string]any) string {
	return fmt.Sprint(path(lookup, "status"), path(lookup, "tracker", "epoch"), path(lookup, "tracker", "incarnation"),
		path(lookup, "tracker", "events"), path(lookup, "tracker", "worker"))
}

// lastEvent returns the number of the newest event of a transaction in the stream.
func (s *site) lastEvent(t *testing.T, id string) (n uint64) {
	t.Helper()
	stream, err := s.js.Stream(t.Context(), bus.StreamTracker)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "tracker.events."+id+".stopped.3")
	if err != nil {
		t.Fatalf("event 3 of %s: %v", id, err)
	}
	var body struct{ N uint64 }
	if err := json.Unmarshal(m.Data, &body); err != nil {
		t.Fatal(err)
	}
	return body.N
}

// TestWorkerWaitsForWhoMayMakeItsStream deletes TRACKER under a worker that may make none, while it gives a partition up: it
// stays and says what to do, takes no starts, and goes on in the stream that somebody makes with what the fleet knows of
// sequences.
func TestWorkerWaitsForWhoMayMakeItsStream(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := newSite(t)
	w := s.worker("w-1", nil)
	id := parseID(t, "parting")
	s.request("spawn", `{"transaction_id":"parting",`+waits+`}`)
	eventually(t, "pending", func() bool { return path(s.request("lookup", "parting"), "tracker", "status") == "pending" })
	if err := s.js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
		t.Fatal(err)
	}
	eventually(t, "says what to do", func() bool { return names(w, "streams", "tracker streams create") })
	answer := s.request("spawn", `{"transaction_id":"refused",`+waits+`}`)
	if path(answer, "error", "code") != "unavailable" || !strings.Contains(fmt.Sprint(answer), "TRACKER is missing") {
		t.Errorf("spawn answered %v", answer)
	}
	stopping, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := handOver(stopping, w, id.Partition()); err == nil {
		t.Fatal("a partition was handed over without a stream")
	}
	known, err := bus.KnownGround(t.Context(), s.nc)
	if err != nil || known.Next() == 0 {
		t.Fatalf("the fleet knows %+v: %v", known, err)
	}
	if err := bus.EnsureAssets(t.Context(), s.js, bus.AssetsCreate, bus.AssetSettings{FirstSequence: known.Next()}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready again", func() bool { return len(failing(w)) == 0 })
	eventually(t, "the tracker lives", func() bool { return path(s.request("lookup", "parting"), "tracker", "phase") == "running" })
	if n := path(s.request("lookup", "parting"), "tracker", "events"); n != 2.0 {
		t.Errorf("it has %v events, want 2", n)
	}
	s.request("stop", "parting")
	if n := s.lastEvent(t, "parting"); n != 3 {
		t.Errorf("its last event is number %d, want 3", n)
	}
}

// handOver gives a partition to anybody.
func handOver(ctx context.Context, w *Worker, p int) error {
	h := w.beginHandOver("", []*partition{w.partitions[p]})
	h.awaitGone(ctx, handOverTimeout)
	return w.finishHandOver(ctx, h)
}

// TestHandOverIntoAStreamMadeAnewLosesNothing: a partition that is released in a stream in which it was never claimed is not
// given up.
func TestHandOverIntoAStreamMadeAnewLosesNothing(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	id := parseID(t, "parting")
	s.request("spawn", `{"transaction_id":"parting",`+waits+`}`)
	eventually(t, "pending", func() bool { return path(s.request("lookup", "parting"), "tracker", "status") == "pending" })
	settings := bus.AssetSettings{FirstSequence: s.ground(t).Next()}
	if err := s.js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), s.js, bus.AssetsCreate, settings); err != nil {
		t.Fatal(err)
	}
	if err := handOver(t.Context(), w, id.Partition()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the tracker lives", func() bool { return path(s.request("lookup", "parting"), "tracker", "phase") == "running" })
	if n := path(s.request("lookup", "parting"), "tracker", "events"); n != 2.0 {
		t.Errorf("it has %v events, want 2", n)
	}
}

// TestWhoWasTakenOverTakesNothingAwayInAStreamMadeAnew: somebody who held the partition before this worker did, and has not noticed, claims
// it first.
func TestWhoWasTakenOverTakesNothingAwayInAStreamMadeAnew(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	id := parseID(t, "mine")
	s.request("spawn", `{"transaction_id":"mine",`+waits+`}`)
	eventually(t, "pending", func() bool { return path(s.request("lookup", "mine"), "tracker", "status") == "pending" })
	was := identity(s.request("lookup", "mine"))
	claims, err := bus.NewClaims(s.nc)
	if err != nil {
		t.Fatal(err)
	}
	defer claims.Close()
	old := s.ground(t)
	if err := s.js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), s.js, bus.AssetsCreate, bus.AssetSettings{FirstSequence: old.Next()}); err != nil {
		t.Fatal(err)
	}
	won, _, err := claims.Reclaim(t.Context(), "early", "e", bus.Owner{Partition: id.Partition(), Epoch: 1})
	if err != nil || len(won) != 1 {
		t.Fatalf("the earlier owner got %v: %v", won, err)
	}
	eventually(t, "moved", func() bool { return !w.ground.claims().Equal(old.Created) && w.ground.trouble() == nil })
	eventually(t, "ready", func() bool { return len(failing(w)) == 0 })
	if now := identity(s.request("lookup", "mine")); now != was {
		t.Errorf("it was %s and is %s", was, now)
	}
	s.request("stop", "mine")
	if n := s.lastEvent(t, "mine"); n != 3 {
		t.Errorf("its last event is number %d, want 3", n)
	}
}

// TestWhatTheDeadHeldIsLostAndSaid: nobody takes the partitions of a worker that died with the stream before it is known to
// be dead, and who takes them says what that means.
func TestWhatTheDeadHeldIsLostAndSaid(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := newSite(t)
	core, logs := observer.New(zap.ErrorLevel)
	w := s.worker("w-1", func(c *Config) { c.Logger = zap.New(core) })
	dead := s.worker("w-2", nil)
	eventually(t, "shared", func() bool { return w.Stats().Partitions == 128 && dead.Stats().Partitions == 128 })
	settings := bus.AssetSettings{FirstSequence: s.ground(t).Next()}
	dead.nc.Close()
	dead.pulseNC.Close()
	if err := s.js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), s.js, bus.AssetsCreate, settings); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is owned", func() bool { return w.Stats().Partitions == bus.Partitions && len(failing(w)) == 0 })
	lost := int64(0)
	for _, entry := range logs.FilterMessageSnippet("what was tracked in them is lost").All() {
		lost += entry.ContextMap()["partitions"].(int64)
	}
	if lost != 128 {
		t.Errorf("%d partitions were said to be lost, want 128", lost)
	}
}

// TestDeletedConsumersAreMadeAnewByThemselves: the pump goes on and owners are followed.
func TestDeletedConsumersAreMadeAnewByThemselves(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.worker("w-1", nil)
	deleted := 0
	for _, name := range []string{bus.StreamStarts, bus.StreamTracker} {
		stream, err := s.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		names := stream.ConsumerNames(t.Context())
		for consumer := range names.Name() {
			if err := stream.DeleteConsumer(t.Context(), consumer); err != nil {
				t.Fatal(err)
			}
			deleted++
		}
		if err := names.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if deleted < 2 {
		t.Fatalf("%d consumers were there to be deleted", deleted)
	}
	s.publishStart(`{"transaction_id":"after",` + waits + `}`)
	eventually(t, "the start is followed", func() bool { return s.request("lookup", "after")["status"] == "found" })
	other := s.worker("w-2", nil)
	eventually(t, "owners are followed", func() bool {
		return w.Stats().Partitions == 128 && other.Stats().Partitions == 128 && len(failing(other)) == 0
	})
}

// TestEditedStreamIsNamedUntilItIsSetBack changes settings of TRACKER under a worker.
func TestEditedStreamIsNamedUntilItIsSetBack(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := newSite(t)
	w := s.worker("w-1", nil)
	right := bus.Assets(bus.AssetSettings{})[0]
	for setting, edit := range map[string]func(*jetstream.StreamConfig){
		"max_msgs_per_subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
		"allow_atomic":         func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"subjects":             func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:3] },
	} {
		wrong := right
		edit(&wrong)
		if _, err := s.js.UpdateStream(t.Context(), wrong); err != nil {
			t.Fatalf("%s: %v", setting, err)
		}
		eventually(t, setting+" is named", func() bool { return names(w, "streams", setting) })
		if _, err := s.js.UpdateStream(t.Context(), right); err != nil {
			t.Fatalf("%s: %v", setting, err)
		}
		eventually(t, "ready again", func() bool { return len(failing(w)) == 0 })
	}
}

// TestNobodyWritesBeforeAllHaveClaimedAgain: as long as a worker that lives has not claimed what it held in the new stream,
// it may have held what this one did, later; so this one waits with its records.
func TestNobodyWritesBeforeAllHaveClaimedAgain(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := newSite(t)
	w := s.worker("w-1", creating)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	peer := bus.Heartbeat{Worker: "w-2", Incarnation: "other", Draining: true, Stands: s.ground(t).Created}
	beat := func() {
		peer.Beat++
		body, err := json.Marshal(peer)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.nc.Publish(bus.HeartbeatSubject(peer.Worker), body); err != nil {
			t.Fatal(err)
		}
	}
	beat()
	if err := s.js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
		t.Fatal(err)
	}
	var claimed time.Time
	eventually(t, "claimed again, and waiting for two leases", func() bool {
		beat()
		if claimed.IsZero() {
			if raw, err := bus.NewRecords(s.nc).Get(t.Context(), bus.OwnerSubject(0)); err == nil && raw != nil {
				claimed = time.Now()
			}
		}
		return !claimed.IsZero() && time.Since(claimed) > 2*w.cfg.Lease
	})
	if record, _ := s.storedRecord(t, "one"); record != nil || !names(w, "streams", "not written again yet") {
		t.Errorf("it did not wait: %+v %v", record, w.Ready())
	}
	if answer := s.request("lookup", "one"); answer["status"] != "unavailable" {
		t.Errorf("lookup answered %v meanwhile", answer)
	}
	peer.Stands = s.ground(t).Created
	eventually(t, "ready again", func() bool { beat(); return len(failing(w)) == 0 })
	if record, _ := s.storedRecord(t, "one"); record == nil {
		t.Error("the record is not written again")
	}
}
