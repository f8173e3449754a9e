package integration

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// refusedBecause returns an error unless a spawn is refused, with the code for what goes away by itself, and with that reason.
func (f *fleet) refusedBecause(t *testing.T, id, reason string) error {
	t.Helper()
	r, err := f.try(t.Context(), "spawn", id)
	if err == nil && (r.code() != 503 || !strings.Contains(r.Error.Message, reason)) {
		err = fmt.Errorf("spawn is answered with %d %s", r.code(), r.body)
	}
	return err
}

// memory returns how many bytes of memory a worker has, 0 where the system does not tell.
func memory(t testing.TB, p *process.Worker) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if errors.Is(err, os.ErrNotExist) {
		return 0 // not Linux
	}
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// sameAsBefore says what a full store must not have changed: trackers and owners are as they were, no worker has ended or
// grown.
type sameAsBefore struct {
	f        *fleet
	l        *load
	lasting  int
	trackers map[string]string
	moves    float64
}

func (f *fleet) remember(t *testing.T, l *load, lasting int) sameAsBefore {
	t.Helper()
	return sameAsBefore{f, l, lasting, l.lasting(t, lasting), metrics(t, f.workers, "partition_moves_total")}
}

func (s sameAsBefore) check(t *testing.T) {
	t.Helper()
	if got := s.l.lasting(t, s.lasting); !maps.Equal(got, s.trackers) {
		t.Errorf("trackers are others than before the store was full:\n%v\n%v", s.trackers, got)
	}
	if got := metrics(t, s.f.workers, "partition_moves_total"); got != s.moves {
		t.Errorf("%v partitions were taken over for a store that is full", got-s.moves)
	}
	const enough = 400 << 20
	for _, w := range s.f.workers {
		if got := memory(t, w); got > enough {
			t.Errorf("%s has %d bytes of memory", w.Name, got)
		}
	}
}

// TestFullStreamsRefuseStartsAndRecover lets the stream of records and then the stream of starts reach their max_bytes under
// load. Starts are refused in words, by the workers and then by the server, workers say what is full and hold what they
// have; when the records' limit is raised everything goes on by itself, also the stream of starts, whose limit stays.
func TestFullStreamsRefuseStartsAndRecover(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newLeased(t, "w-1", "w-2")
	l := newLoad(f.client, "limit")
	stop := l.spawnLasting(t, 40)
	before := f.remember(t, l, 40)
	refused := 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		f.limit(t, "TRACKER", 64<<10)
		f.limit(t, "TRACKER_STARTS", 64<<10)
		for _, w := range f.workers {
			process.Await(t, patience, func() error {
				return says(t, w, "stream TRACKER takes no writes: bus: jetstream: maximum bytes exceeded")
			})
		}
		process.Await(t, patience, func() error { return f.refusedBecause(t, "refused", "maximum bytes exceeded") })
		_, refused = l.count()
		l.awaitRefused(t, 20)
		for _, w := range f.workers {
			process.Await(t, patience, func() error { return says(t, w, "stream TRACKER_STARTS is full") })
		}
		before.check(t)
		f.limit(t, "TRACKER", -1)
		l.awaitMore(t, 50)
		awaitAllReady(t, f.workers)
		l.awaitMore(t, 100)
	})
	before.check(t)
	stop()
	_, after := l.count()
	t.Log(l.judge(t, map[string]int{"refused publish": after - refused}))
}

// limit gives a stream room for so many bytes more, or, where that is negative, as many as there are.
func (f *fleet) limit(t *testing.T, name string, room int64) {
	t.Helper()
	config := f.streamConfig(t, name)
	config.MaxBytes = room
	if room >= 0 {
		stream, err := f.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		config.MaxBytes += int64(stream.CachedInfo().State.Bytes)
	}
	f.edit(t, config)
}

// TestFullDiskStopsStartsAndLosesNothing fills the server's disk under load. The server then answers no publisher, which is
// its way; workers refuse starts in words and say that nothing can be written, and hold what they have. Once there is space
// again and the server was started anew, which it needs after that, everything goes on.
func TestFullDiskStopsStartsAndLosesNothing(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	disk := &fleet{server: process.PrepareServer(t)}
	fill := process.SmallDisk(t, disk.server.Store)
	disk.server.Restart(t)
	disk.client = newClient(t, disk.server.Connect(t))
	for _, name := range []string{"w-1", "w-2"} {
		config := disk.leasedConfig(name)
		config.Lease = "3s" // so that a restart of the server is no outage
		disk.workers = append(disk.workers, process.LaunchWorker(t, config))
	}
	for _, w := range disk.workers {
		w.AwaitReady(t)
	}
	disk.awaitShared(t, disk.workers...)
	l := newLoad(disk.client, "disk")
	stop := l.spawnLasting(t, 40)
	before := disk.remember(t, l, 40)
	full := 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		empty := fill()
		for _, w := range disk.workers {
			process.Await(t, patience, func() error { return says(t, w, "stream TRACKER takes no writes") })
		}
		l.awaitRefused(t, 8)
		process.Await(t, patience, func() error { return disk.refusedBecause(t, "refused", "stream TRACKER takes no writes") })
		before.check(t)
		_, stderr := disk.server.Output()
		full = count(stderr, "no space left on device")
		disk.server.Kill()
		disk.server.Restart(t) // on the full disk: what is there is kept
		for _, w := range disk.workers {
			process.Await(t, patience, func() error { return says(t, w, "takes no writes") })
		}
		disk.server.Kill()
		empty()
		disk.server.Restart(t)
		awaitAllReady(t, disk.workers)
		l.awaitMore(t, 100)
	})
	before.check(t)
	stop()
	_, refused := l.count()
	t.Log(l.judge(t, map[string]int{"write without space": full, "refused publish": refused}))
}

// count returns how many lines contain text.
func count(lines []string, text string) (n int) {
	for _, line := range lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
