package process

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestServerKeepsWhatItAcknowledgedThroughAKill(t *testing.T) {
	s := StartServer(t)
	nc := s.Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s.1", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	before := s.PID()
	s.Kill()
	s.Restart(t)
	if s.PID() == before {
		t.Fatal("it is the same process")
	}
	var msg *jetstream.RawStreamMsg
	Await(t, patience, func() error {
		stream, err := js.Stream(t.Context(), "S")
		if err == nil {
			msg, err = stream.GetLastMsgForSubject(t.Context(), "s.1")
		}
		return err
	})
	if string(msg.Data) != "kept" {
		t.Errorf("got %q", msg.Data)
	}
}

func TestProcessReportsItsEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := Start(t, "sh", "-c", "echo one; echo two >&2; exit 3")
	if code, err := p.Wait(ctx); code != 3 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	if line, err := p.Stdout(ctx, func(s string) bool { return s == "one" }); line != "one" {
		t.Error(err)
	}
	if _, err := p.Stdout(ctx, func(s string) bool { return s == "never" }); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a line that never came: %v", err)
	}
	if p.Said("tw") != 1 || p.Said("one") != 0 {
		t.Error("lines of the error output are counted wrong")
	}
}

func TestExpectReadsLinesInOrder(t *testing.T) {
	p := Start(t, "sh", "-c", "echo alpha beta gamma; echo x; echo delta")
	for _, c := range []struct {
		lines []string
		held  bool
	}{
		{[]string{"alpha beta gamma", "delta"}, true},
		{[]string{"alpha … gamma", "x"}, true},
		{[]string{"…beta…", "…"}, true},
		{[]string{"alpha…gamma…gamma"}, false},
		{[]string{"delta", "x"}, false},
		{[]string{"alpha"}, false},
		{[]string{"beta…"}, false},
	} {
		if err := p.Expect(t.Context(), c.lines); (err == nil) != c.held {
			t.Errorf("%q: %v", c.lines, err)
		}
	}
}

func TestProcessDiesByItsSignal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := Start(t, "sleep", "3600")
	p.Signal(t, syscall.SIGTERM)
	if code, err := p.Wait(ctx); code != -1 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	p.Kill()
}
