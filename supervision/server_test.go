package supervision_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// script is a Server whose callbacks a test replaces; what it doesn't replace answers as a well-behaved server does.
type script struct {
	init      func(context.Context, *supervision.Child) error
	call      func(context.Context, *supervision.Call) error
	cast      func(context.Context, any) error
	info      func(context.Context, any) error
	terminate func(context.Context, error)
}

func (s *script) Init(ctx context.Context, c *supervision.Child) error {
	if s.init == nil {
		return nil
	}
	return s.init(ctx, c)
}

func (s *script) HandleCall(ctx context.Context, call *supervision.Call) error {
	if s.call != nil {
		return s.call(ctx, call)
	}
	switch msg := call.Message.(type) {
	case error:
		return msg
	case func():
		msg()
	default:
		call.Reply(msg, nil)
	}
	return nil
}

func (s *script) HandleCast(ctx context.Context, msg any) error {
	if s.cast != nil {
		return s.cast(ctx, msg)
	}
	switch msg := msg.(type) {
	case error:
		return msg
	case func():
		msg()
	}
	return nil
}

func (s *script) HandleInfo(ctx context.Context, msg any) error {
	if s.info != nil {
		return s.info(ctx, msg)
	}
	return s.HandleCast(ctx, msg)
}

func (s *script) Terminate(ctx context.Context, reason error) {
	if s.terminate != nil {
		s.terminate(ctx, reason)
	}
}

// typed makes a type of which every incarnation is the same script.
func typed(s script) *supervision.ChildType {
	return &supervision.ChildType{Name: "script", Server: func(*supervision.Child) supervision.Server { own := s; return &own }}
}

type process func(context.Context) error

func (p process) Run(ctx context.Context) error { return p(ctx) }

func running(p process) *supervision.ChildType {
	return &supervision.ChildType{Name: "process", Process: func(*supervision.Child) supervision.Process { return p }}
}

func start(t testing.TB, s *supervision.Supervisor, spec supervision.ChildSpec) *supervision.Child {
	t.Helper()
	c, err := s.StartChild(t.Context(), spec)
	if err != nil {
		t.Fatalf("StartChild(%q): %v", spec.ID, err)
	}
	return c
}

func stop(t testing.TB, s *supervision.Supervisor) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

var errCrash = errors.New("its_a_crash")

// TestArticleSession is the session of the article: start, look up, crash, look up again.
func TestArticleSession(t *testing.T) {
	var inits atomic.Int32
	reg := registry.NewOwners((*supervision.Child).ID)
	s := supervision.New(supervision.Config{Registry: reg})
	defer stop(t, s)
	tracker := typed(script{init: func(context.Context, *supervision.Child) error { inits.Add(1); return nil }})
	c := start(t, s, supervision.ChildSpec{ID: "txn_1", Type: tracker})
	if got, ok := reg.Lookup("txn_1"); !ok || got != c {
		t.Fatalf("Lookup = %v, %v", got, ok)
	}
	if err := c.Exit(errCrash); err != nil {
		t.Fatal(err)
	}
	got, err := c.Call(t.Context(), "state")
	if err != nil || got != "state" {
		t.Fatalf("Call after crash = %v, %v", got, err)
	}
	if inits.Load() != 2 || c.Incarnation() != 2 || !errors.Is(c.LastCrash().Reason, errCrash) {
		t.Fatalf("inits %d, incarnation %d, crash %+v", inits.Load(), c.Incarnation(), c.LastCrash())
	}
	if err := s.TerminateChild(t.Context(), "txn_1"); err != nil {
		t.Fatal(err)
	}
	if _, ok := reg.Lookup("txn_1"); ok {
		t.Fatal("found after its end")
	}
	if _, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "txn_1", Type: tracker}); err != nil {
		t.Fatal(fmt.Errorf("start again: %w", err))
	}
}

func call(t testing.TB, c *supervision.Child, msg any) error {
	t.Helper()
	_, err := c.Call(t.Context(), msg)
	return err
}

func contains(text, part string) bool { return strings.Contains(text, part) }
