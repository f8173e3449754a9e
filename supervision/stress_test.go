package supervision_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// lives counts, per ID, the incarnations between Init and the end of Terminate: never more than one.
type lives struct{ alive [8]atomic.Int32 }

type mortal struct {
	t     *testing.T
	alive *atomic.Int32
	seed  uint64
}

func (m *mortal) Init(context.Context, *supervision.Child) error {
	if m.seed%7 == 0 {
		return errCrash
	}
	if n := m.alive.Add(1); n != 1 {
		m.t.Errorf("%d incarnations at a time", n)
	}
	return nil
}

func (m *mortal) HandleCall(_ context.Context, call *supervision.Call) error {
	switch call.Message.(int) % 6 {
	case 0:
		panic("boom")
	case 1:
		runtime.Goexit()
	case 2:
		go call.Reply(1, nil)
		return nil
	case 3:
		return supervision.ErrNormal
	}
	call.Reply(1, nil)
	return nil
}

func (m *mortal) HandleCast(context.Context, any) error { return errCrash }

func (m *mortal) HandleInfo(ctx context.Context, _ any) error {
	<-ctx.Done() // until somebody stops it
	return ctx.Err()
}

func (m *mortal) Terminate(context.Context, error) { m.alive.Add(-1) }

// TestEverythingAtOnce: starts, calls, crashes, stops and resumes of the same few names from everywhere. No two lives at a time,
// every caller answered with an error that is documented, events in order, and nothing left after Stop.
func TestEverythingAtOnce(t *testing.T) {
	var lives lives
	var seeds atomic.Uint64
	events := newRecorder()
	reg := registry.NewOwners((*supervision.Child).ID)
	s := supervision.New(supervision.Config{Registry: reg, Observer: events.observe})
	typ := &supervision.ChildType{
		Server: func(c *supervision.Child) supervision.Server {
			return &mortal{t, &lives.alive[c.Arg().(int)], seeds.Add(1)}
		},
		Shutdown:  supervision.Infinite,
		Intensity: supervision.Intensity{MaxRestarts: 3, Period: 50 * time.Millisecond},
		Backoff:   supervision.Backoff{Base: time.Microsecond, Cap: time.Millisecond, Reset: 10 * time.Millisecond},
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 1500 {
				i := r.IntN(len(lives.alive))
				act(t, s, r, typ, i)
			}
		})
	}
	wg.Wait()
	stop(t, s)
	if reg.Len() != 0 || s.CountChildren() != (supervision.Counts{}) {
		t.Errorf("left: %d names, %+v", reg.Len(), s.CountChildren())
	}
	for i := range lives.alive {
		if n := lives.alive[i].Load(); n != 0 {
			t.Errorf("%d alive", n)
		}
	}
	checkOrder(t, events)
}

func act(t *testing.T, s *supervision.Supervisor, r *rand.Rand, typ *supervision.ChildType, i int) {
	id := fmt.Sprint(i)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	var err error
	switch r.IntN(8) {
	case 0, 1, 2:
		_, err = s.StartChild(context.Background(), supervision.ChildSpec{ID: id, Type: typ, Arg: i})
	case 3:
		err = s.TerminateChild(context.Background(), id)
	case 4:
		err = s.Resume(context.Background(), id)
	case 5:
		if c, ok := s.Lookup(id); ok == nil {
			err = errors.Join(c.Cast(1), c.Info(1), c.Exit(errCrash))
		}
	default:
		_, err = s.Call(ctx, id, r.IntN(100))
	}
	for _, known := range []error{
		nil, errCrash, supervision.ErrAlreadyStarted, supervision.ErrNotFound, supervision.ErrNotParked, supervision.ErrStopped,
		supervision.ErrParked, supervision.ErrNotRunning, supervision.ErrCrashed, supervision.ErrTimeout, supervision.ErrOverloaded,
		supervision.ErrShutdown,
	} {
		if errors.Is(err, known) {
			return
		}
	}
	t.Errorf("unexpected: %v", err)
}

// checkOrder: an incarnation is down before the next one is there, and nothing follows the end of a child.
func checkOrder(t *testing.T, events *recorder) {
	t.Helper()
	type state struct {
		up, gone    bool
		incarnation uint64
	}
	states := make(map[*supervision.Child]*state)
	for _, e := range events.events {
		st := states[e.Child]
		if st == nil {
			st = &state{}
			states[e.Child] = st
		}
		if st.gone {
			t.Fatalf("%v after the end", e.Kind)
		}
		switch e.Kind {
		case supervision.EventStarted, supervision.EventRestarted:
			if st.up || e.Incarnation <= st.incarnation {
				t.Fatalf("%v of incarnation %d while up=%v with %d", e.Kind, e.Incarnation, st.up, st.incarnation)
			}
			st.up, st.incarnation = true, e.Incarnation
		case supervision.EventDown:
			st.up = false
		case supervision.EventUnregistered:
			if st.up {
				t.Fatal("unregistered while up")
			}
			st.gone = true
		}
	}
}

// TestStartsAgainstStop: of starts that race with Stop each is refused or stopped; none stays.
func TestStartsAgainstStop(t *testing.T) {
	for range 50 {
		reg := registry.NewOwners((*supervision.Child).ID)
		s := supervision.New(supervision.Config{Registry: reg})
		typ := typed(script{})
		begun := make(chan struct{})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 50 {
					if i == 10 && g == 0 {
						close(begun)
					}
					_, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: fmt.Sprint(g, i), Type: typ})
					if err != nil && !errors.Is(err, supervision.ErrShutdown) {
						t.Error(err)
					}
				}
			})
		}
		<-begun
		stop(t, s)
		wg.Wait()
		if reg.Len() != 0 || s.CountChildren().Total() != 0 {
			t.Fatalf("%d names, %+v left", reg.Len(), s.CountChildren())
		}
	}
}
