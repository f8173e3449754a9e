package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// trap is a source that panics when it is to watch certain transactions.
type trap struct {
	source.Source

	mu   sync.Mutex
	bad  map[string]bool
	refs map[any]string
}

func (s *trap) Parse(id string, params json.RawMessage) (source.Target, error) {
	target, err := s.Source.Parse(id, params)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs[target.Ref] = id
	return target, err
}

func (s *trap) Watch(t source.Target, h source.Hint, o source.Observer) source.Handle {
	s.mu.Lock()
	bad := s.bad[s.refs[t.Ref]]
	s.mu.Unlock()
	if bad {
		panic("trap")
	}
	return s.Source.Watch(t, h, o)
}

func (s *trap) release(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bad, id)
}

func trapped(c *Config, ids ...string) *trap {
	t := &trap{Source: c.Sources["sim"], bad: make(map[string]bool), refs: make(map[any]string)}
	for _, id := range ids {
		t.bad[id] = true
	}
	c.Sources["sim"] = t
	return t
}

func (s *site) publishStart(body string) {
	s.t.Helper()
	if _, err := s.js.Publish(s.t.Context(), bus.SubjectStart, []byte(body)); err != nil {
		s.t.Fatal(err)
	}
}

// TestStartThatCannotRunIsStoredAndHoldsNothingBack: it is parked with its reason, the cursor goes on, and retry brings it back.
func TestStartThatCannotRunIsStoredAndHoldsNothingBack(t *testing.T) {
	s := newSite(t)
	var source *trap
	w := s.worker("w-1", func(c *Config) { source = trapped(c, "bad") })
	s.publishStart(`{"transaction_id":"bad",` + waits + `}`)
	s.publishStart(`{"transaction_id":"good",` + waits + `}`)
	eventually(t, "both are settled", func() bool { return w.pump.cursor.Load() == 2 })
	if answer := s.request("lookup", "bad"); path(answer, "tracker", "phase") != "parked" {
		t.Errorf("lookup answered %v", answer)
	}
	if answer := s.request("spawn", `{"transaction_id":"bad",`+waits+`}`); answer["status"] != "existing" || path(answer, "tracker", "phase") != "parked" {
		t.Errorf("spawn of the same answered %v", answer)
	}
	source.release("bad")
	if answer := s.request("retry", "bad"); answer["status"] != "resumed" {
		t.Errorf("retry answered %v", answer)
	}
	if answer := s.request("call", "bad"); answer["status"] != "ok" {
		t.Errorf("call answered %v", answer)
	}
}

// TestStartOfABrokenRecordIsRejected: it is not tried for ever, and the cursor does not stay behind.
func TestStartOfABrokenRecordIsRejected(t *testing.T) {
	s := newSite(t)
	broken, err := bus.ParseID("broken")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.js.PublishMsg(t.Context(), &nats.Msg{Subject: bus.StateSubject(broken), Data: []byte("rubbish")}); err != nil {
		t.Fatal(err)
	}
	w := s.worker("w-1", nil)
	s.publishStart(`{"transaction_id":"broken",` + waits + `}`)
	eventually(t, "it is settled", func() bool { return w.pump.cursor.Load() == 1 })
	if n := w.Stats().Rejected; n != 1 {
		t.Errorf("%d starts were rejected, want 1", n)
	}
}

// TestStartReadTwiceFromTheStreamMakesOneRun: a lost cursor replays starts, also those that asked for a new run.
func TestStartReadTwiceFromTheStreamMakesOneRun(t *testing.T) {
	s := newSite(t)
	s.sim.BlockTime = 5 * time.Millisecond
	w := s.worker("w-1", nil)
	const again = `{"transaction_id":"one","params":{"outcome":"confirm","after":1},"on_existing":"restart"}`
	for run := range 2 {
		s.publishStart(again)
		eventually(t, "the run has ended", func() bool {
			answer := s.request("lookup", "one")
			return path(answer, "tracker", "run") == float64(run+1) && path(answer, "tracker", "phase") == "finished"
		})
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	owner := s.owners()[pumpPartition]
	if owner.State != bus.Released {
		t.Fatalf("partition %d is %s", pumpPartition, owner.State)
	}
	if _, err := s.js.PublishMsg(t.Context(), &nats.Msg{Subject: bus.CursorStarts, Data: []byte(`{"sequence":0}`)}); err != nil {
		t.Fatal(err)
	}
	next := s.worker("w-2", nil)
	eventually(t, "all starts are settled again", func() bool { return next.pump.cursor.Load() == 2 })
	if answer := s.request("lookup", "one"); path(answer, "tracker", "run") != 2.0 {
		t.Errorf("after the replay lookup answered %v", answer)
	}
	s.publishStart(again)
	eventually(t, "the third run", func() bool { return path(s.request("lookup", "one"), "tracker", "run") == 3.0 })
}

// TestDeadlineCountsFromAcceptanceAtTheOwnerToo: a start that waited in the stream does not get that time back.
func TestDeadlineCountsFromAcceptanceAtTheOwnerToo(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	id, err := bus.ParseID("late")
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg(bus.RequestSubject(id.Partition(), "spawn", id.Token()))
	m.Data = []byte(`{"transaction_id":"late","timeout":"2h",` + waits + `}`)
	m.Header.Set(headerWaited, "1h0m0s")
	m.Header.Set(headerSequence, "7")
	m.Header.Set(headerStream, time.Now().UTC().Format(time.RFC3339Nano))
	asked := time.Now()
	answer, err := s.nc.RequestMsgWithContext(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	var reply bus.SpawnReply
	if err := bus.ReadReply(answer, &reply); err != nil {
		t.Fatal(err)
	}
	first, last := asked.Round(0).Add(time.Hour), time.Now().Round(0).Add(time.Hour)
	if d := reply.Tracker.Deadline; d == nil || d.Before(first) || d.After(last) {
		t.Errorf("the deadline is %v, want one between %v and %v", d, first, last)
	}
}

// TestWorkerTakesOverMoreThanItWouldStart: what was accepted is never refused.
func TestWorkerTakesOverMoreThanItWouldStart(t *testing.T) {
	s := newSite(t)
	first := s.worker("w-1", nil)
	for i := range 3 {
		s.request("spawn", fmt.Sprintf(`{"transaction_id":"t%d",%s}`, i, waits))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	second := s.worker("w-2", func(c *Config) { c.MaxTrackers = 1 })
	eventually(t, "all are taken over", func() bool { return second.Stats().Trackers.Running == 3 })
	if answer := s.request("spawn", `{"transaction_id":"more",`+waits+`}`); path(answer, "error", "code") != "overloaded" {
		t.Errorf("spawn answered %v", answer)
	}
}

// TestSpawnAnswersThoughTheStoreTakesNothing: whoever asked is told when the time is up, and holds no room until then.
func TestSpawnAnswersThoughTheStoreTakesNothing(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	items, err := bus.DecodeSpawn([]byte(`{"transaction_id":"one",` + waits + `}`))
	if err != nil {
		t.Fatal(err)
	}
	// Somebody else's attempt is under way and does not end.
	id := items.Items[0].Start.TransactionID
	w.starts.join(&attempt{id: id}, startRequest{})
	replies := w.startItems(ctx, request{direct: true}, items.Items)
	if replies[0].Error == nil || replies[0].Error.Code != bus.CodeTimeout {
		t.Errorf("spawn answered %+v", replies[0])
	}
	w.giveUp(&attempt{id: id, request: startRequest{reply: func(bus.SpawnReply, error) {}}}, bus.ErrUnavailable)
}
