package bus_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

// throughProxy returns a journal whose connection goes through a proxy, and records that are read past it.
func throughProxy(t *testing.T, cfg bus.JournalConfig) (*proxy, *bus.Journal, *bus.Records, []bus.Owner) {
	t.Helper()
	srv := startServer(t, embedded.Config{})
	direct := connect(t, bus.ConnectConfig{URLs: []string{srv.URL()}})
	createAssets(t, direct)
	owners := claim(t, direct, "w-1")
	p := startProxy(t, strings.TrimPrefix(srv.URL(), "nats://"))
	nc := connect(t, bus.ConnectConfig{URLs: []string{p.url()}})
	return p, runJournal(t, nc, cfg), bus.NewRecords(direct), owners
}

// during runs disturb again and again until work has ended.
func during(work, disturb func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				disturb()
			}
		}
	}()
	work()
	close(stop)
	<-ended
}

func TestJournalSettlesLostAcknowledgements(t *testing.T) {
	p, j, records, owners := throughProxy(t, bus.JournalConfig{Lanes: 2, AckTimeout: 200 * time.Millisecond})
	chains := newChains(t, 100)
	const steps = 10
	p.swallowReplies() // from the first write on: however fast the rest is, acknowledgements get lost
	during(func() { drive(t.Context(), j, owners, chains, steps) }, func() {
		untilRetried(t.Context(), j)
		p.cut()
		pause(t.Context(), 500*time.Millisecond) // long enough to reconnect
		p.swallowReplies()
		pause(t.Context(), 50*time.Millisecond)
		p.cut()
	})
	requireSteps(t, chains, steps)
	checkChains(t, records, chains)
	if s := j.Stats(); s.Retries == 0 {
		t.Errorf("got %+v, want lost acknowledgements: the test is void", s)
	}
}

func TestJournalSettlesLateAcknowledgements(t *testing.T) {
	p, j, records, owners := throughProxy(t, bus.JournalConfig{Lanes: 2, AckTimeout: 60 * time.Millisecond})
	chains := newChains(t, 100)
	const steps = 4
	p.delayReplies(80 * time.Millisecond)
	during(func() { drive(t.Context(), j, owners, chains, steps) }, func() {
		untilRetried(t.Context(), j)
		p.delayReplies(80 * time.Millisecond)
		pause(t.Context(), 200*time.Millisecond)
		p.delayReplies(0)
		pause(t.Context(), 300*time.Millisecond)
	})
	requireSteps(t, chains, steps)
	checkChains(t, records, chains)
	if s := j.Stats(); s.Retries == 0 {
		t.Errorf("got %+v, want late acknowledgements: the test is void", s)
	}
}

// untilRetried waits until the journal has missed an acknowledgement.
func untilRetried(ctx context.Context, j *bus.Journal) {
	for ctx.Err() == nil && j.Stats().Retries == 0 {
		pause(ctx, time.Millisecond)
	}
}

// pause is the rhythm of a disturbance, not a wait for anything.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
