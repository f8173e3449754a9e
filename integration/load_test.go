package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
	simsource "trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

// outcomes are what the load's transactions ask for, in turns; "" asks for none and the seed decides.
var outcomes = []string{"confirm", "revert", "confirm", "replace", "", "drop", "confirm"}

// chain is what fleets with the configuration simulated follow.
var chain = simsource.Config{Seed: 1, BlockTime: 50 * time.Millisecond}

// load publishes starts, each several times, and remembers what it was told of each.
type load struct {
	client *client
	prefix string
	seed   uint64            // of the faults, for the verdict; 0: they are always the same
	owners *checker.ClaimLog // nil: the changes of owners are not watched
	past   checker.History   // of the streams that were there before, all that they held

	mu        sync.Mutex
	accepted  []checker.Start
	uncertain []checker.Start
	asked     map[string]string // params by ID
	refused   int               // publishes that were not acknowledged
}

func newLoad(c *client, prefix string) *load {
	return &load{client: c, prefix: prefix, asked: make(map[string]string)}
}

// publish publishes n starts, one after the other, until ctx ends. A start that is not acknowledged is left as it is: nobody knows.
func (l *load) publish(ctx context.Context, from, n int) {
	for i := from; i < from+n && ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%s_%d", l.prefix, i)
		params := `{"confirmations":3}`
		if outcome := outcomes[i%len(outcomes)]; outcome != "" {
			params = fmt.Sprintf(`{"confirmations":3,"outcome":%q}`, outcome)
		}
		body := fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id, params)
		l.mu.Lock()
		l.asked[id] = params
		l.mu.Unlock()
		for range 1 + i%3/2 { // every third one twice
			attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
			err := l.client.publish(attempt, "tracker.start", body)
			cancel()
			l.note(checker.Start{ID: id, Run: 1}, err)
		}
	}
}

func (l *load) note(s checker.Start, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.accepted = append(l.accepted, s)
		return
	}
	l.refused++
	l.uncertain = append(l.uncertain, s)
}

// spawnLasting starts n trackers that come to no end by themselves, and returns what stops them.
func (l *load) spawnLasting(t *testing.T, n int) (stop func()) {
	t.Helper()
	id := func(i int) string { return fmt.Sprintf("%s_lasting_%d", l.prefix, i) }
	for i := range n {
		l.client.want(t, "created", "spawn", fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id(i), forever))
		l.mu.Lock()
		l.asked[id(i)] = forever
		l.mu.Unlock()
		l.note(checker.Start{ID: id(i), Run: 1}, nil)
	}
	return func() {
		for i := range n {
			if r := l.client.ask(t, "stop", id(i)); r.Status != "stopped" && r.Status != "finished" {
				t.Errorf("a stop is answered with %s", r.body)
			}
		}
	}
}

// count returns how many publishes were acknowledged and how many not.
func (l *load) count() (accepted, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), l.refused
}

// run publishes n starts from several publishers while storm does its worst, and returns when both are done. What storm waits for it
// must get while there is load.
func (l *load) run(t *testing.T, n int, storm func()) {
	t.Helper()
	const publishers = 8
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() { l.publish(t.Context(), p*n/publishers, n/publishers) })
	}
	storm()
	all.Wait()
}

// awaitAccepted returns when n publishes have been acknowledged.
func (l *load) awaitAccepted(t *testing.T, n int) {
	t.Helper()
	process.Await(t, patience, func() error {
		if got, _ := l.count(); got < n {
			return fmt.Errorf("%d of %d starts accepted", got, n)
		}
		return nil
	})
}

// judge waits until the fleet has come to an end with every accepted start and returns the checker's verdict.
func (l *load) judge(t *testing.T, evidence map[string]int) checker.Verdict {
	t.Helper()
	var v checker.Verdict
	process.Await(t, 90*time.Second, func() error {
		history, err := checker.Read(t.Context(), l.client.js, "TRACKER")
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		history = history.After(l.past)
		for name, n := range felt(history.Events) {
			if _, wanted := evidence[name]; wanted {
				evidence[name] = n
			}
		}
		v = checker.Check(history, checker.Expectation{
			Accepted: l.accepted, Uncertain: l.uncertain, Finished: true, Truth: l.truth, Evidence: evidence,
			Claims: l.claims(), Seed: l.seed,
		})
		if v.Outcome == checker.Held {
			return nil
		}
		return errors.New(v.String())
	})
	return v
}

// claims returns the changes of owners, as far as they were watched.
func (l *load) claims() []checker.Claim {
	if l.owners == nil {
		return nil
	}
	return l.owners.Claims()
}

// truth holds a terminal event against the chain, which knows the end of every transaction and the blocks it can be final in.
func (l *load) truth(e checker.Event) error {
	truth, err := simsource.TruthOf(chain, e.ID, json.RawMessage(l.asked[e.ID]))
	if err != nil {
		return err
	}
	var body struct{ Block *source.BlockRef }
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	return truth.Check(e.Type, body.Block)
}

// felt counts in the events what shows that a fault was felt.
func felt(events []checker.Event) map[string]int {
	type owner struct {
		epoch  uint64
		worker string
	}
	last := make(map[string]owner)
	n := make(map[string]int)
	for _, e := range events {
		before, seen := last[e.ID]
		if seen && e.Epoch != before.epoch {
			n["takeover"]++
			if e.Worker != before.worker {
				n["takeover by another worker"]++
			}
		}
		last[e.ID] = owner{e.Epoch, e.Worker}
	}
	return n
}

// monitored is a connection that counts how often it was lost.
func monitored(t *testing.T, s *process.Server) (*client, func() int) {
	t.Helper()
	nc := s.Connect(t, nats.Timeout(time.Second))
	return newClient(t, nc), func() int { return int(nc.Stats().Reconnects) }
}
