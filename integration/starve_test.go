package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// TestStarvedOfProcessorTime leaves a worker, or the server, a tenth of a processor under load, and then a fiftieth. Partitions may change
// hands; nothing is lost, and everybody has its share again once there is time for all.
func TestStarvedOfProcessorTime(t *testing.T) {
	takesAWhile(t)
	for _, c := range []struct {
		name string
		who  func(*fleet) *process.Process
	}{
		{"a worker", func(f *fleet) *process.Process { return f.workers[1].Process }},
		{"the server", func(f *fleet) *process.Process { return f.server.Process }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, "w-1", "w-2")
			f.awaitShared(t, f.workers...)
			l := newLoad(f.client, "starved")
			stop := l.spawnLasting(t, 40)
			moves, evidence := metrics(t, f.workers, "partition_moves_total"), make(map[string]int)
			l.pour(t, 2*time.Millisecond, func() {
				for _, percent := range []int{10, 2} {
					l.awaitMore(t, 50)
					starved := process.Starve(t, c.who(f), percent)
					hold(t, 3*chaosLease)
					evidence[fmt.Sprintf("stall at %d %%", percent)] = starved.Stalls(t)
					starved.Feed(t)
					f.awaitShared(t, f.workers...)
				}
				l.awaitMore(t, 50)
			})
			stop()
			accepted, refused := l.count()
			t.Logf("%v; %v partitions moved, %v writes were fenced, %d freezes; %d starts accepted, %d not",
				evidence, metrics(t, f.workers, "partition_moves_total")-moves, metrics(t, f.workers, "fenced_writes_total"),
				f.workers[0].Said("frozen")+f.workers[1].Said("frozen"), accepted, refused)
			t.Log(l.judge(t, evidence))
		})
	}
}

// TestGarbageCollectorThatNeverRests gives a worker with thousands of trackers a memory limit that it is far above, so that its collector
// takes all the time that it may. Partitions may change hands; nothing is lost, and the worker keeps its share or gets it back.
func TestGarbageCollectorThatNeverRests(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newFleet(t, "w-1")
	config := f.workerConfig("w-2")
	config.Env = []string{"GOMEMLIMIT=10MiB", "GOGC=5", "GODEBUG=gctrace=1"}
	pressed := process.StartWorker(t, config)
	f.workers = append(f.workers, pressed)
	f.awaitShared(t, f.workers...)
	l := newLoad(f.client, "pressed")
	l.spawnMany(t, 6000, "20s")
	collections, events := pressed.Said("MB goal"), metric(t, pressed, "events_published_total")
	l.pour(t, 5*time.Millisecond, func() { l.awaitMore(t, 1000) })
	f.awaitShared(t, f.workers...)
	collections, events = pressed.Said("MB goal")-collections, metric(t, pressed, "events_published_total")-events
	t.Logf("%d collections for %v events; %v writes were fenced, %d freezes", collections, events,
		metrics(t, f.workers, "fenced_writes_total"), pressed.Said("frozen"))
	t.Log(l.judge(t, map[string]int{"collection": collections, "event of the worker": int(events)}))
}

// batch is how many items a request has.
const batch = 200

// spawnMany starts n trackers that only their timeout ends, in batches.
func (l *load) spawnMany(t *testing.T, n int, timeout string) {
	t.Helper()
	for from := 0; from < n; from += batch {
		var items []string
		for i := range batch {
			id := fmt.Sprintf("%s_many_%d", l.prefix, from+i)
			items = append(items, fmt.Sprintf(`{"transaction_id":%q,"timeout":%q,"params":%s}`, id, timeout, forever))
			l.mu.Lock()
			l.asked[id] = forever
			l.mu.Unlock()
			l.note(checker.Start{ID: id, Run: 1}, nil)
		}
		for _, r := range l.client.ask(t, "spawn", `{"items":[`+strings.Join(items, ",")+`]}`).Items {
			if r.Status != "created" {
				t.Fatalf("a start is answered with %+v", r)
			}
		}
	}
}
