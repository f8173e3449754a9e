package cli

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
	a := &app{in: strings.NewReader("csv_1\ncsv_2\ncsv_1\n"), out: &out, err: &stderr, environ: []string{asTracker + "=1"}, dial: dial}
	code := a.run(t.Context(), args)
	return outcome{code, out.String(), stderr.String()}
}

// development is a running tracker dev.
type development struct {
	*running
	t      *testing.T
	server string // its URL
}

func launchDev(t *testing.T) development {
	t.Helper()
	dev := launch(t, "dev", "--port", "0", "--http", "127.0.0.1:0", "--lease", "1s")
	_, address, _ := strings.Cut(dev.await("nats "), "nats://")
	dev.await("ready worker=w-1 http=127.0.0.1:")
	return development{dev, t, "nats://" + address}
}

// do runs a verb against it with JSON as its answer.
func (d development) do(args ...string) outcome {
	return do(d.t, append(args, "--server", d.server, "-o", "json")...)
}

// expect runs a verb, decodes its answer into reply, and fails unless it exits with code.
func (d development) expect(code int, reply any, args ...string) {
	d.t.Helper()
	got := d.do(args...)
	if err := json.Unmarshal([]byte(got.out), reply); err != nil || got.code != code {
		d.t.Fatalf("%q: %v, %+v", args, err, got)
	}
}

func (d development) end() {
	d.t.Helper()
	if code := d.stop(); code != 0 {
		d.t.Errorf("dev: exit %d, stderr %s", code, d.stderr.String())
	}
}

func TestDev_servesTheSessionOfTheArticle(t *testing.T) {
	const id = "txn_01dp371w0fnjhf9z2tjebx4vr4"
	dev := launchDev(t)
	var started bus.SpawnReply
	dev.expect(0, &started, "start", id, "--params", `{"outcome":"pending"}`, "--label", "team=wallet")
	var before, after bus.LookupReply
	dev.expect(0, &before, "lookup", id)
	var stopped bus.StopReply
	if dev.expect(0, &stopped, "stop", id, "--reason", "its_a_crash"); stopped.Status != bus.StopRestarted {
		t.Errorf("stop: %+v", stopped)
	}
	dev.expect(0, &after, "lookup", id)
	if b, a := before.Tracker, after.Tracker; a.Incarnation <= b.Incarnation || a.Labels["team"] != "wallet" || a.Run != b.Run {
		t.Errorf("before %+v, after %+v", b, a)
	}
	dev.expect(0, &bus.CallReply{}, "call", id, "ping")
	var crashed bus.ErrorBody
	if dev.expect(exitError, &crashed, "call", id, "crash"); crashed.Error.Code != bus.CodeCrashed {
		t.Errorf("crash: %+v", crashed)
	}
	if dev.expect(0, &stopped, "stop", id); stopped.Status != bus.StopStopped {
		t.Errorf("stop: %+v", stopped)
	}
	dev.expect(exitStopped, &bus.LookupReply{}, "wait", id)
	dev.expect(exitNotFound, &bus.LookupReply{}, "lookup", "nobody")
	var events []bus.Event
	if dev.expect(0, &events, "events", id); len(events) < 3 || events[len(events)-1].Type != "stopped" {
		t.Errorf("events: %+v", events)
	}
	dev.end()
}

func TestDev_takesFilesAndRefusesWhatIsWrong(t *testing.T) {
	dev := launchDev(t)
	var sum startSummary
	if dev.expect(0, &sum, "start", "-f", "-"); sum.Created != 2 || sum.Existing != 1 {
		t.Errorf("start -f: %+v", sum)
	}
	var fleet bus.FleetReply
	if dev.expect(0, &fleet, "fleet"); len(fleet.Workers) != 1 || len(fleet.Partitions) != bus.Partitions {
		t.Errorf("fleet: %+v", fleet)
	}
	dev.expect(exitUsage, &bus.ErrorBody{}, "start", "csv_3", "--source", "nowhere")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(dev.server, "nats://"))
	if got := do(t, "dev", "--port", port, "--http", ""); got.code != exitError || !strings.Contains(got.stderr, "--port") {
		t.Errorf("port busy: %+v", got)
	}
	dev.end()
	if got := dev.do("lookup", "csv_1"); got.code != exitUnavailable || !strings.Contains(got.stderr, "--server") {
		t.Errorf("without a server: %+v", got)
	}
}

func TestWorker_printsOneLineWhenItIsReady(t *testing.T) {
	dev := launchDev(t)
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte("sources: {sim: {kind: simulated}}\nlease: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	worker := launch(t, "worker", "--server", dev.server, "--config", file, "--name", "w-9")
	line := worker.await("")
	if !strings.HasPrefix(line, "ready worker=w-9 http=127.0.0.1:") {
		t.Errorf("first line %q", line)
	}
	if code := worker.stop(); code != 0 {
		t.Errorf("exit %d, stderr %s", code, worker.stderr.String())
	}
	dev.end()
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
	if !result.Held || len(result.Checks) != 11 || result.Trackers != 60 || result.Crashed == 0 || result.Duplicates == 0 ||
		result.Takeover.Trackers == 0 || result.Takeover.Taken != result.Takeover.Trackers {
		t.Errorf("got %+v", result)
	}
	for _, args := range [][]string{{"--trackers", "0"}, {"--workers", "1"}, {"--trackers", "10001"}} {
		if got := do(t, append([]string{"demo"}, args...)...); got.code != exitUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}
