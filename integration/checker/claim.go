package checker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// partitions is how many there are, by the contract.
const partitions = 256

// Claim is a write of a partition's owner record, at its place in the stream. It ends what others wrote under the record before;
// an owner may claim anew, after a silence, and go on with the trackers that it has.
type Claim struct {
	Sequence  uint64
	Partition int
	Worker    string // one name is one life here
	Released  bool   // the worker has given the partition up
}

// ends reports whether nothing that began before the claim may be written by a worker after it.
func (c Claim) ends(worker string) bool { return c.Released || c.Worker != worker }

// partitionOf returns where a subject's token belongs, by the contract.
func partitionOf(token string) int {
	h := fnv.New32a()
	h.Write([]byte(token))
	return int(h.Sum32() % partitions)
}

// indexClaims returns claims by partition, in stream order.
func indexClaims(claims []Claim) map[int][]Claim {
	byPartition := make(map[int][]Claim)
	for _, c := range claims {
		byPartition[c.Partition] = append(byPartition[c.Partition], c)
	}
	for _, all := range byPartition {
		slices.SortFunc(all, func(a, b Claim) int { return cmp.Compare(a.Sequence, b.Sequence) })
	}
	return byPartition
}

// endedBy returns the first claim, of those of its partition, after which the event must not have been written; 0: none.
func endedBy(claims []Claim, e Event) uint64 {
	for _, c := range claims {
		if c.Sequence > e.Epoch && c.Sequence < e.Sequence && c.ends(e.Worker) {
			return c.Sequence
		}
	}
	return 0
}

// ClaimLog notes changes of owners as they happen; the stream keeps only the newest of each partition. It may miss some, of which
// it then accuses nobody.
type ClaimLog struct {
	consuming jetstream.ConsumeContext

	mu     sync.Mutex
	claims []Claim
}

// WatchClaims begins to note the changes of owners in a stream, until Stop.
func WatchClaims(ctx context.Context, js jetstream.JetStream, stream string) (*ClaimLog, error) {
	const prefix = "tracker.fleet.owner."
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{prefix + "*"}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return nil, fmt.Errorf("checker: watch claims: %w", err)
	}
	log := new(ClaimLog)
	log.consuming, err = consumer.Consume(func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			return
		}
		partition, err := strconv.Atoi(strings.TrimPrefix(m.Subject(), prefix))
		if err != nil {
			return
		}
		var owner struct{ Worker, State string }
		if json.Unmarshal(m.Data(), &owner) != nil {
			return
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		log.claims = append(log.claims, Claim{
			Sequence: meta.Sequence.Stream, Partition: partition, Worker: owner.Worker, Released: owner.State == "released",
		})
	})
	if err != nil {
		return nil, fmt.Errorf("checker: watch claims: %w", err)
	}
	return log, nil
}

// Claims returns what was noted so far, in no order.
func (l *ClaimLog) Claims() []Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.claims[:len(l.claims):len(l.claims)]
}

// Stop ends the watch and returns when it has ended.
func (l *ClaimLog) Stop() {
	l.consuming.Stop()
	<-l.consuming.Closed()
}
