package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"trackerfleet/registry"
)

type event = registry.Event[string, *pid]

func TestListenerSeesRegisterThenUnregister(t *testing.T) {
	reg := registry.New[string, *pid]()
	l := reg.Listen(16)
	defer l.Close()
	first, second := &pid{1}, &pid{2}
	reg.Register("txn_1", first)
	reg.Register("txn_1", second)   // loses: no event
	reg.Unregister("txn_1", second) // not the owner: no event
	reg.Replace("txn_1", first, second)
	reg.Unregister("txn_1", second)
	want := []event{
		{1, registry.Registered, "txn_1", first},
		{2, registry.Unregistered, "txn_1", first},
		{3, registry.Registered, "txn_1", second},
		{4, registry.Unregistered, "txn_1", second},
	}
	got, err := l.Next(t.Context(), 0)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("Next = %v, %v\nwant %v", got, err, want)
	}
	resumed, err := l.Next(t.Context(), 2)
	if err != nil || fmt.Sprint(resumed) != fmt.Sprint(want[2:]) {
		t.Errorf("Next after 2 = %v, %v", resumed, err)
	}
}

func TestListenerThatFallsBehindIsTold(t *testing.T) {
	reg := registry.New[string, *pid]()
	l := reg.Listen(4)
	defer l.Close()
	own := &pid{1}
	for i := range 10 { // no reader: if a writer waited for one, this would hang
		reg.Register(fmt.Sprint(i), own)
	}
	if _, err := l.Next(t.Context(), 5); !errors.Is(err, registry.ErrOverrun) {
		t.Errorf("Next after 5 = %v, want ErrOverrun", err)
	}
	got, err := l.Next(t.Context(), 6)
	if err != nil || len(got) != 4 || got[0].Seq != 7 || got[0].Key != "6" || got[3].Seq != 10 || got[3].Key != "9" {
		t.Errorf("Next after 6 = %v, %v, want 7 to 10", got, err)
	}
	if l.Last() != 10 {
		t.Errorf("Last = %d", l.Last())
	}
}

func TestListenerEnds(t *testing.T) {
	reg := registry.New[string, *pid]()
	l := reg.Listen(0)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := l.Next(ctx, 0); !errors.Is(err, why) {
		t.Errorf("Next with an ended context = %v", err)
	}
	done := make(chan error)
	go func() { _, err := l.Next(t.Context(), 0); done <- err }()
	reg.Register("txn_1", &pid{1})
	if err := <-done; err != nil {
		t.Errorf("a waiting reader got %v", err)
	}
	go func() { _, err := l.Next(t.Context(), 1); done <- err }()
	l.Close()
	l.Close()
	if err := <-done; !errors.Is(err, registry.ErrListenerClosed) {
		t.Errorf("a reader waiting at Close got %v", err)
	}
	reg.Register("txn_2", &pid{2})
	if got, err := l.Next(t.Context(), 0); err != nil || len(got) != 1 {
		t.Errorf("after Close: %v, %v, want what was recorded before", got, err)
	}
}

// TestListenersSeeEveryKeyInOrder: whatever the writers do, each key's events alternate, and their end is the final state.
func TestListenersSeeEveryKeyInOrder(t *testing.T) {
	reg := registry.New[string, *pid]()
	const writers, rounds = 4, 2000
	listeners := []*registry.Listener[string, *pid]{reg.Listen(2 * writers * rounds), reg.Listen(2 * writers * rounds)}
	states := make([]map[string]*pid, len(listeners))
	var readers sync.WaitGroup
	for i, l := range listeners {
		readers.Go(func() { states[i] = follow(t, l) })
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				key, own := fmt.Sprint(i%7), &pid{w}
				if existing, ok := reg.Register(key, own); !ok {
					reg.Unregister(key, existing)
				}
			}
		})
	}
	wg.Wait()
	for _, l := range listeners {
		l.Close()
	}
	readers.Wait()
	for _, state := range states {
		for k, p := range reg.All() {
			if state[k] != p {
				t.Errorf("key %q: the listener ends with %v, the registry with %v", k, state[k], p)
			}
			delete(state, k)
		}
		if len(state) != 0 {
			t.Errorf("the listener keeps %v", state)
		}
	}
}

func follow(t *testing.T, l *registry.Listener[string, *pid]) map[string]*pid {
	state := make(map[string]*pid)
	for seq := uint64(0); ; {
		events, err := l.Next(context.Background(), seq)
		if err != nil {
			if !errors.Is(err, registry.ErrListenerClosed) {
				t.Error(err)
			}
			return state
		}
		for _, e := range events {
			seq++
			if e.Seq != seq {
				t.Errorf("event %d where %d should be", e.Seq, seq)
			}
			switch e.Kind {
			case registry.Registered:
				if state[e.Key] != nil {
					t.Errorf("%v while registered", e)
				}
				state[e.Key] = e.Owner
			case registry.Unregistered:
				if state[e.Key] != e.Owner {
					t.Errorf("%v of another owner", e)
				}
				delete(state, e.Key)
			}
		}
	}
}
