package polled

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/workers/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outside is a table in memory.
type outside struct {
	mu     sync.Mutex // guards everything below
	states map[string]State
	err    error
	delay  time.Duration
	calls  []call
}

// call is one call of ask.
type call struct {
	at   time.Time
	refs []string
}

func newOutside() *outside { return &outside{states: map[string]State{}} }

func (o *outside) ask(ctx context.Context, refs []string) (map[string]State, error) {
	o.mu.Lock()
	o.calls = append(o.calls, call{time.Now(), slices.Clone(refs)})
	states, err, delay := maps.Clone(o.states), o.err, o.delay
	o.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return states, err
}

func (o *outside) set(ref string, state State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.states[ref] = state
}

func (o *outside) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// asked returns the calls since the last time, as seconds after begin and what was asked for.
func (o *outside) asked(begin time.Time) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for _, c := range o.calls {
		all = append(all, fmt.Sprintf("%v:%s", c.at.Sub(begin), strings.Join(c.refs, ",")))
	}
	o.calls = nil
	return strings.Join(all, " ")
}

// rig is a source that runs in a bubble.
type rig struct {
	*testing.T
	*outside
	src   *Source
	begin time.Time
	stop  func()
}

func bubble(t *testing.T, cfg Config, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, outside: newOutside(), begin: time.Now()}
		cfg.Ask = r.ask
		src, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.src = src
		r.start()
		test(r)
		r.stop()
	})
}

var errStopped = errors.New("stopped")

func (r *rig) start() {
	ctx, cancel := context.WithCancelCause(r.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.src.Run(ctx) }()
	r.stop = func() {
		cancel(errStopped)
		if err := <-ended; !errors.Is(err, errStopped) {
			r.Errorf("Run returned %v", err)
		}
	}
}

// passes lets time pass.
func (r *rig) passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// watched is an observer that keeps what it is told, in short.
type watched struct {
	source.Handle
	r *rig

	mu   sync.Mutex // guards seen
	seen []string
}

func (w *watched) Observe(o source.Observation) {
	word := map[source.Kind]string{source.Absent: "absent", source.Pending: "pending", source.Settled: "settled"}[o.Kind]
	if o.Settlement != nil {
		word = fmt.Sprintf("settled %d %s", o.Settlement.End, o.Settlement.ProviderStatus)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, word)
}

func (r *rig) watch(id string) *watched {
	r.Helper()
	target, err := r.src.Parse(id, nil)
	if err != nil {
		r.Fatal(err)
	}
	w := &watched{r: r}
	w.Handle = r.src.Watch(target, source.Hint{}, w)
	return w
}

// want compares what was observed since the last time.
func (w *watched) want(seen ...string) {
	w.r.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.seen, seen) {
		w.r.Errorf("observed %q, want %q", w.seen, seen)
	}
	w.seen = nil
}

func (r *rig) wantAsked(want string) {
	r.Helper()
	if got := r.asked(r.begin); got != want {
		r.Errorf("asked %q, want %q", got, want)
	}
}
