package bus_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

type natsConn = *nats.Conn

// ledger is what two owners, each believing to be the only one, were told of the same trackers.
type ledger struct {
	chains []*chain

	mu   sync.Mutex
	told map[string]string // "id/revision" -> who was told that it wrote it
}

func newLedger(chains []*chain) *ledger {
	return &ledger{chains: chains, told: make(map[string]string)}
}

// writeUntilFenced writes checkpoints of every tracker, from what is stored, until the epoch ends or some rounds are done.
func (l *ledger) writeUntilFenced(t *testing.T, j *bus.Journal, owners []bus.Owner, worker, round int) {
	var wg sync.WaitGroup
	for _, c := range l.chains {
		wg.Go(func() {
			var revision uint64
			for step := range 20 {
				w := transition(c.id, owners, uint64(round*100+step), revision, nil)
				w.Events[0].Subject = bus.EventSubject(c.id, fmt.Sprintf("w%d", worker), uint64(round*100+step))
				r, err := submitAndWait(t, j, w)
				var stale *bus.StaleError
				switch {
				case errors.As(err, &stale):
					if revision = 0; stale.Record != nil {
						revision = stale.Record.Revision
					}
				case errors.Is(err, bus.ErrFenced):
					return
				case err != nil:
					t.Error(err)
					return
				default:
					revision = r
					l.note(t, c.id, r, worker)
				}
			}
		})
	}
	wg.Wait()
}

func submitAndWait(t *testing.T, j *bus.Journal, w bus.Write) (uint64, error) {
	done := make(chan bus.Result, 1)
	w.Done = func(r bus.Result) { done <- r }
	if err := j.Submit(t.Context(), w); err != nil {
		return 0, err
	}
	r := <-done
	return r.Revision, r.Err
}

func (l *ledger) note(t *testing.T, id bus.ID, revision uint64, worker int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, who := fmt.Sprintf("%s/%d", id, revision), fmt.Sprint(worker)
	if other, ok := l.told[key]; ok {
		t.Errorf("%s was told to %s and to %s", key, other, who)
	}
	l.told[key] = who
}

// check finds every record at a revision that exactly one owner was told of.
func (l *ledger) check(t *testing.T, records *bus.Records) {
	t.Helper()
	for _, c := range l.chains {
		rec, err := records.Get(t.Context(), bus.StateSubject(c.id))
		if err != nil {
			t.Fatal(err)
		}
		if rec == nil {
			continue
		}
		if _, ok := l.told[fmt.Sprintf("%s/%d", c.id, rec.Revision)]; !ok {
			t.Errorf("%s is at %d, which nobody was told of", c.id, rec.Revision)
		}
	}
}
