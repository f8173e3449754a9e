package ethereum_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

const poll = time.Second

var errOver = errors.New("test is over")

// rig is a source that follows a scripted node in a bubble of virtual time.
type rig struct {
	*testing.T
	node *ethtest.Server
	src  *ethereum.Source
	stop func()
}

// bubble runs test in a bubble with a source that runs. change may change its config.
func bubble(t *testing.T, change func(*ethereum.Config), test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, node: ethtest.NewSilentServer(t)}
		r.src = r.source(change)
		r.start()
		r.polls(2)
		test(r)
		r.stop()
	})
}

func (r *rig) source(change func(*ethereum.Config)) *ethereum.Source {
	r.Helper()
	cfg := ethereum.Config{
		Chain: ethtest.Chain, Endpoints: []ethereum.Endpoint{{URL: "http://node.test/secretkey"}}, Poll: poll, Transport: r.node.Transport(),
	}
	if change != nil {
		change(&cfg)
	}
	src, err := ethereum.New(cfg)
	if err != nil {
		r.Fatal(err)
	}
	return src
}

func (r *rig) start() {
	ctx, cancel := context.WithCancelCause(r.Context())
	ended := make(chan error, 1)
	src := r.src
	go func() { ended <- src.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel(errOver)
		if err := <-ended; !errors.Is(err, errOver) && r.Context().Err() == nil {
			r.Errorf("Run returned %v, want the cause of its context", err)
		}
	})
	r.Cleanup(r.stop)
}

// polls lets the time of n polls pass.
func (r *rig) polls(n int) {
	time.Sleep(time.Duration(n) * poll) // virtual
	synctest.Wait()
}

// watching is a watched transaction and what was observed of it.
type watching struct {
	source.Handle
	r    *rig
	tx   ethtest.Tx
	mu   sync.Mutex
	seen []source.Observation
}

// Observe keeps o.
func (w *watching) Observe(o source.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, o)
}

// take returns what was observed since it was called before.
func (w *watching) take() []source.Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func (r *rig) watch(tx ethtest.Tx, h source.Hint) *watching {
	r.Helper()
	return r.watchParams(tx, h, fmt.Sprintf(`{"hash":%q}`, tx.Hash))
}

func (r *rig) watchParams(tx ethtest.Tx, h source.Hint, params string) *watching {
	r.Helper()
	target, err := r.src.Parse("id", json.RawMessage(params))
	if err != nil {
		r.Fatal(err)
	}
	w := &watching{r: r, tx: tx}
	w.Handle = r.src.Watch(target, h, w)
	synctest.Wait()
	return w
}

// want fails the test unless exactly observations of these kinds were made, and returns them.
func (w *watching) want(kinds ...source.Kind) []source.Observation {
	w.r.Helper()
	seen := w.take()
	var got []source.Kind
	for _, o := range seen {
		got = append(got, o.Kind)
	}
	if fmt.Sprint(got) != fmt.Sprint(kinds) {
		w.r.Fatalf("observed kinds %v, want %v; health %+v", got, kinds, w.r.src.Health())
	}
	return seen
}

// at returns the hint of a record that knows everything up to the block and has its transaction there.
func at(b ethtest.Block) source.Hint {
	ref := blockRef(b)
	return source.Hint{Since: b.Number, Block: &ref}
}

// mine mines n empty blocks.
func (r *rig) mine(n int) (last ethtest.Block) {
	for range n {
		last = r.node.Mine()
	}
	return last
}

func (r *rig) wantDegraded(want bool) {
	r.Helper()
	if h := r.src.Health(); h.Degraded != want {
		r.Fatalf("degraded is %v, want %v: %+v", h.Degraded, want, h)
	}
}
