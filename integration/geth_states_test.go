package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// states is a real node, a worker that knows it by two lines, and what was done to the chain.
type states struct {
	*fleet
	geth     *ethtest.Geth
	lines    [2]*line
	accepted []checker.Start
	txs      map[string]ethtest.Tx // by transaction ID
	tops     []top
	covered  []covered
	mark     *story // a tracker that says of every block that it was followed
}

// top is a head that the chain had.
type top struct {
	block ethtest.Block
	since time.Time // it was not there before
}

// covered are heights up to which the chain was safe and final.
type covered struct {
	safe, finalized uint64
	since           time.Time // they were lower before
}

// newStates starts a fleet on a node, and a tracker that says of every block that it was followed. The source has these keys as
// well.
func newStates(t *testing.T, geth *ethtest.Geth, keys string) *states {
	t.Helper()
	s := newUnmarked(t, geth, "poll: 50ms\n    "+keys)
	tx := geth.NewTx(false)
	s.mark = s.start(t, tx, `"finality":{"confirmations":1000000},"progress":"every"`)
	s.mark.next("started", nil)
	block := geth.Mine(tx)
	s.mark.next("included", nil)
	s.tops = append(s.tops, top{block, time.Now()})
	return s
}

// newUnmarked starts a fleet on a node, whose source has these keys as well.
func newUnmarked(t *testing.T, geth *ethtest.Geth, keys string) *states {
	t.Helper()
	s := &states{geth: geth, txs: map[string]ethtest.Tx{}, fleet: newFleet(t)}
	for i := range s.lines {
		s.lines[i] = newLine(t, geth.URL())
	}
	config := s.workerConfig("w-1")
	config.YAML = fmt.Sprintf(`
default_source: dev
sources:
  dev:
    kind: ethereum
    chain: %q
    endpoints: [{url: %q}, {url: %q}]
    %s
supervision: {backoff: {base: 20ms, cap: 200ms}}
`, ethtest.Chain, s.lines[0].url, s.lines[1].url, keys)
	s.workers = append(s.workers, process.StartWorker(t, config))
	return s
}

// mine puts a block with these transactions on top and returns when the worker has followed it.
func (s *states) mine(t *testing.T, txs ...ethtest.Tx) ethtest.Block {
	t.Helper()
	before := time.Now()
	b := s.geth.Mine(txs...)
	s.tops = append(s.tops, top{b, before})
	s.followed(t)
	return b
}

// reorg puts a longer branch in the place of the last blocks and returns when the worker has followed it. It sees them at once.
func (s *states) reorg(t *testing.T, depth int, branch ...[]ethtest.Tx) []ethtest.Block {
	t.Helper()
	for _, l := range s.lines {
		l.held.Lock()
	}
	before := time.Now()
	blocks := s.geth.Reorg(depth, branch...)
	for _, b := range blocks {
		s.tops = append(s.tops, top{b, before})
	}
	for _, l := range s.lines {
		l.held.Unlock()
	}
	s.followed(t)
	return blocks
}

// followed returns when the worker has followed the chain to the last head.
func (s *states) followed(t *testing.T) {
	t.Helper()
	want := s.tops[len(s.tops)-1].block.Number
	for {
		var body struct{ Head uint64 }
		if e := s.mark.read(t); json.Unmarshal(e.Body, &body) != nil || e.Type != "progress" {
			t.Fatalf("the marking tracker says %s", e)
		}
		if body.Head >= want {
			return
		}
	}
}

// story is a tracker of which every event is looked at.
type story struct {
	*states
	t        *testing.T
	id       string
	tx       ethtest.Tx
	messages jetstream.MessagesContext
	seen     uint64
	unread   *checker.Event // was taken, and is to be read again
}

// start starts a tracker of tx with these further params, and with further fields of the start.
func (s *states) start(t *testing.T, tx ethtest.Tx, params string, fields ...string) *story {
	t.Helper()
	y := &story{states: s, t: t, id: fmt.Sprintf("tx-%d", len(s.txs)), tx: tx}
	s.txs[y.id] = tx
	consumer, err := s.js.OrderedConsumer(t.Context(), "TRACKER", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"tracker.events." + y.id + ".>"}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	if y.messages, err = consumer.Messages(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(y.messages.Stop)
	if params != "" {
		params = "," + params
	}
	body := fmt.Sprintf(`{"transaction_id":%q,"source":"dev","params":{"hash":%q%s}`, y.id, tx.Hash, params)
	for _, f := range fields {
		body += "," + f
	}
	s.want(t, "created", "spawn", body+"}")
	s.accepted = append(s.accepted, checker.Start{ID: y.id, Run: 1})
	return y
}

// read returns the tracker's next event.
func (y *story) read(t *testing.T) checker.Event {
	t.Helper()
	if e := y.unread; e != nil {
		y.unread = nil
		return *e
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	msg, err := y.messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		t.Fatalf("%s: no event %d: %v", y.id, y.seen+1, err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	e := checker.ParseEvent(meta.Sequence.Stream, msg.Subject(), msg.Headers(), msg.Data())
	if y.seen++; e.N != y.seen || len(e.Faults) > 0 {
		t.Errorf("event %d is %s: %q", y.seen, e, e.Faults)
	}
	return e
}

// next fails the test unless the tracker's next event is of the type and has exactly these data; nil is any.
func (y *story) next(kind string, want data) checker.Event {
	y.t.Helper()
	e := y.read(y.t)
	if e.Type != kind {
		y.t.Fatalf("%s: want %s, got %s", y.id, kind, e)
	}
	if err := want.is(e.Body); want != nil && err != nil {
		y.t.Errorf("%s: %v: %s", y.id, err, e)
	}
	return e
}

// quiet fails the test if the tracker said more than was looked at, or has another status.
func (y *story) quiet(status string) {
	y.t.Helper()
	if r := y.want(y.t, "found", "lookup", y.id); r.Tracker.Events != y.seen || r.Tracker.Status != status {
		y.t.Errorf("%s: want status %s after %d events, it is %s", y.id, status, y.seen, r.body)
	}
}

// awaitLooks returns when the transaction was asked for so many times more.
func (y *story) awaitLooks(n int) {
	y.t.Helper()
	before := y.looks()
	process.Await(y.t, patience, func() error {
		if got := y.looks() - before; got < n {
			return fmt.Errorf("%s was looked for %d times", y.id, got)
		}
		return nil
	})
}

func (y *story) looks() int { return y.lines[0].looks(y.tx.Hash) + y.lines[1].looks(y.tx.Hash) }
