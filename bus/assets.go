package bus

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Names of the streams.
const (
	StreamTracker  = "TRACKER"
	StreamStarts   = "TRACKER_STARTS"
	StreamRejected = "TRACKER_REJECTED"
)

// MinServerVersion is the oldest nats-server that checks conditions inside atomic batches as the journal needs it.
const MinServerVersion = "2.14.4"

// AssetSettings are the choices of an installation; what keeps the fleet correct is not among them.
type AssetSettings struct {
	// Replicas of every stream; 0: 1.
	Replicas int
	// MaxTrackerBytes, MaxStartsBytes and MaxRejectedBytes limit the streams; 0: no limit but the server's own.
	MaxTrackerBytes  int64
	MaxStartsBytes   int64
	MaxRejectedBytes int64
	// RejectedAge is how long rejected starts are kept; 0: 30 days.
	RejectedAge time.Duration
	// FirstSequence is what TRACKER begins with if it is created; see [Ground.Next]. 0: 1.
	FirstSequence uint64
}

func (s AssetSettings) withDefaults() AssetSettings {
	if s.Replicas == 0 {
		s.Replicas = 1
	}
	if s.RejectedAge == 0 {
		s.RejectedAge = 30 * 24 * time.Hour
	}
	for _, limit := range []*int64{&s.MaxTrackerBytes, &s.MaxStartsBytes, &s.MaxRejectedBytes} {
		if *limit == 0 {
			*limit = -1
		}
	}
	return s
}

// layout is what every stream says of how IDs map to partitions; a worker that maps them otherwise must not start.
func layout() map[string]string {
	return map[string]string{
		"partitions": strconv.Itoa(Partitions),
		"slots":      strconv.Itoa(Slots),
		"hash":       "fnv1a32",
		"schema":     "1",
	}
}

// maxConsumers is how many consumers read records and events at one time: one for each service that follows a transaction, besides the
// workers' own. A server stops at 1,000 when a stream does not say, and then workers could read no more than anybody else.
const maxConsumers = 100_000

// Assets returns the definition of every stream.
func Assets(s AssetSettings) []jetstream.StreamConfig {
	s = s.withDefaults()
	return []jetstream.StreamConfig{
		{
			Name:        StreamTracker,
			Description: "tracker ownership, records and lifecycle events",
			Subjects: []string{
				"tracker.fleet.owner.*", "tracker.fleet.cursor.*", "tracker.fleet.state.*.*.*", "tracker.events.*.*.*",
			},
			FirstSeq:           s.FirstSequence,
			MaxMsgsPerSubject:  1,
			MaxConsumers:       maxConsumers,
			MaxBytes:           s.MaxTrackerBytes,
			Discard:            jetstream.DiscardNew,
			Storage:            jetstream.FileStorage,
			Replicas:           s.Replicas,
			AllowAtomicPublish: true,
			AllowMsgTTL:        true,
			AllowDirect:        true,
			DenyDelete:         true,
			DenyPurge:          true,
			Metadata:           layout(),
		},
		{
			Name:               StreamStarts,
			Description:        "accepted starts, until they are tracked",
			Subjects:           []string{SubjectStart, SubjectStart + ".*"},
			MaxBytes:           s.MaxStartsBytes,
			Discard:            jetstream.DiscardNew,
			Storage:            jetstream.FileStorage,
			Replicas:           s.Replicas,
			AllowAtomicPublish: true,
			AllowDirect:        true,
			// No message of somebody else is to be taken for a duplicate of a start; 100 ms is the least a server takes.
			Duplicates: 100 * time.Millisecond,
			Metadata:   layout(),
		},
		{
			Name:        StreamRejected,
			Description: "start messages that could not be understood",
			Subjects:    []string{"tracker.rejected.*"},
			MaxBytes:    s.MaxRejectedBytes,
			MaxAge:      s.RejectedAge,
			Discard:     jetstream.DiscardOld,
			Storage:     jetstream.FileStorage,
			Replicas:    s.Replicas,
			AllowDirect: true,
			Metadata:    layout(),
		},
	}
}

// AssetsJSON returns the definitions by stream name, each in the form that `nats stream add --config` reads.
func AssetsJSON(s AssetSettings) (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	for _, cfg := range Assets(s) {
		b, err := json.MarshalIndent(cfg, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("bus: encode stream %s: %w", cfg.Name, err)
		}
		all[cfg.Name] = b
	}
	return all, nil
}
