package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/demo"
)

// running is a command line that stays until it is interrupted.
type running struct {
	t         *testing.T
	interrupt context.CancelCauseFunc
	lines     chan string // of standard output; closed at its end
	code      chan int
	stderr    lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// launch runs a command line of the real thing until stop.
func launch(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, interrupt := context.WithCancelCause(t.Context())
	r := &running{t: t, interrupt: interrupt, lines: make(chan string, 100), code: make(chan int, 1)}
	reader, writer := io.Pipe()
	a := &app{in: strings.NewReader(""), out: writer, err: &r.stderr, dial: dial}
	go func() {
		r.code <- a.run(ctx, args)
		writer.Close()
	}()
	go func() {
		defer close(r.lines)
		for s := bufio.NewScanner(reader); s.Scan(); {
			r.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		interrupt(errInterrupted)
		for range r.lines {
		}
	})
	return r
}

// await returns the first line that begins so.
func (r *running) await(prefix string) string {
	r.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-r.lines:
			if !ok {
				r.t.Fatalf("ended before a line %q; stderr: %s", prefix, r.stderr.String())
			}
			if strings.HasPrefix(strings.TrimSpace(line), prefix) {
				return line
			}
		case <-deadline:
			r.t.Fatalf("no line %q; stderr: %s", prefix, r.stderr.String())
		}
	}
}

// stop interrupts it and returns its exit code.
func (r *running) stop() int {
	r.t.Helper()
	r.interrupt(errInterrupted)
	select {
	case code := <-r.code:
		return code
	case <-time.After(30 * time.Second):
		r.t.Fatal("does not stop")
		return -1
	}
}

// do runs a verb of the real thing.
func do(t *testing.T, args ...string) outcome {
	t.Helper()
	var out strings.Builder
	var stderr lockedBuffer
	a := &app{in: strings.NewReader("csv_1\ncsv_2\ncsv_1\n"), out: &out, err: &stderr, dial: dial}
	code := a.run(t.Context(), args)
	return outcome{code, out.String(), stderr.String()}
}

func TestDev_servesTheSessionOfTheArticle(t *testing.T) {
	dev := launch(t, "dev", "--port", "0", "--http", "127.0.0.1:0", "--lease", "1s")
	_, server, _ := strings.Cut(dev.await("nats "), "nats://")
	server = "nats://" + server
	dev.await("ready worker=w-1 http=127.0.0.1:")
	tracker := func(args ...string) outcome { return do(t, append(args, "--server", server, "-o", "json")...) }
	lookup := func(id string) *bus.Tracker {
		t.Helper()
		var reply bus.LookupReply
		got := tracker("lookup", id)
		if err := json.Unmarshal([]byte(got.out), &reply); err != nil || got.code != 0 {
			t.Fatalf("%v %+v", err, got)
		}
		return reply.Tracker
	}

	const id = "txn_01dp371w0fnjhf9z2tjebx4vr4"
	if got := tracker("start", id, "--params", `{"outcome":"pending"}`, "--label", "team=wallet"); got.code != 0 {
		t.Fatalf("start: %+v", got)
	}
	before := lookup(id)
	if got := tracker("stop", id, "--reason", "its_a_crash"); got.code != 0 || !strings.Contains(got.out, `"restarted"`) {
		t.Errorf("stop: %+v", got)
	}
	after := lookup(id)
	if after.Incarnation <= before.Incarnation || after.Labels["team"] != "wallet" || after.Run != before.Run {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if got := tracker("call", id, "ping"); got.code != 0 {
		t.Errorf("call: %+v", got)
	}
	if got := tracker("call", id, "crash"); got.code != exitError || !strings.Contains(got.out, `"crashed"`) {
		t.Errorf("crash: %+v", got)
	}
	if got := tracker("stop", id); got.code != 0 || !strings.Contains(got.out, `"stopped"`) {
		t.Errorf("stop: %+v", got)
	}
	if got := tracker("wait", id); got.code != exitStopped {
		t.Errorf("wait: %+v", got)
	}
	if got := tracker("lookup", "nobody"); got.code != exitNotFound {
		t.Errorf("lookup: %+v", got)
	}
	var events []bus.Event
	if got := tracker("events", id); json.Unmarshal([]byte(got.out), &events) != nil || len(events) < 3 || events[len(events)-1].Type != "stopped" {
		t.Errorf("events: %+v", got)
	}
	var sum startSummary
	if got := tracker("start", "-f", "-"); json.Unmarshal([]byte(got.out), &sum) != nil || sum.Created != 2 || sum.Existing != 1 {
		t.Errorf("start -f: %+v", got)
	}
	var fleet bus.FleetReply
	if got := tracker("fleet"); json.Unmarshal([]byte(got.out), &fleet) != nil || len(fleet.Workers) != 1 {
		t.Errorf("fleet: %+v", got)
	}
	if got := tracker("start", "csv_3", "--source", "nowhere"); got.code != exitUsage {
		t.Errorf("unknown source: %+v", got)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server, "nats://"))
	if got := do(t, "dev", "--port", port, "--http", ""); got.code != exitError || !strings.Contains(got.stderr, "--port") {
		t.Errorf("port busy: %+v", got)
	}
	if code := dev.stop(); code != 0 {
		t.Errorf("exit %d, stderr %s", code, dev.stderr.String())
	}
	if got := do(t, "lookup", id, "--server", server); got.code != exitUnavailable || !strings.Contains(got.stderr, "--server") {
		t.Errorf("without a server: %+v", got)
	}
}

func TestWorker_printsOneLineWhenItIsReady(t *testing.T) {
	dev := launch(t, "dev", "--port", "0", "--http", "127.0.0.1:0", "--lease", "1s")
	_, server, _ := strings.Cut(dev.await("nats "), "nats://")
	dev.await("ready")
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte("sources: {sim: {kind: simulated}}\nlease: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	worker := launch(t, "worker", "--server", "nats://"+server, "--config", file, "--name", "w-9")
	line := worker.await("")
	if !strings.HasPrefix(line, "ready worker=w-9 http=127.0.0.1:") {
		t.Errorf("first line %q", line)
	}
	if code := worker.stop(); code != 0 {
		t.Errorf("exit %d, stderr %s", code, worker.stderr.String())
	}
	if code := dev.stop(); code != 0 {
		t.Errorf("dev: exit %d, stderr %s", code, dev.stderr.String())
	}
}

func TestWorker_saysWhatItLacks(t *testing.T) {
	if got := do(t, "worker"); got.code != exitUsage || !strings.Contains(got.stderr, "--config") {
		t.Errorf("without sources: %+v", got)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := do(t, "dev", "--port", "0", "--http", l.Addr().String())
	if got.code != exitError || !strings.Contains(got.stderr, "--http") || !strings.Contains(got.stderr, fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("HTTP port busy: %+v", got)
	}
}

func TestDemo_keepsEveryPromise(t *testing.T) {
	got := do(t, "demo", "--trackers", "60", "--workers", "2", "--seed", "3", "-o", "json")
	var result demo.Result
	if err := json.Unmarshal([]byte(got.out), &result); err != nil || got.code != 0 {
		t.Fatalf("%v %+v", err, got)
	}
	if !result.Held || len(result.Checks) != 9 || result.Trackers != 60 || result.Crashed == 0 || result.Duplicates == 0 {
		t.Errorf("got %+v", result)
	}
	for _, args := range [][]string{{"--trackers", "0"}, {"--workers", "0"}, {"--trackers", "10001"}} {
		if got := do(t, append([]string{"demo"}, args...)...); got.code != exitUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}
