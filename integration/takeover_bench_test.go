package integration

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/integration/process"
)

// population is how many trackers the benchmark of takeovers spreads over three workers.
var population = flag.Int("faults.trackers", 2000, "trackers of the fleet in the benchmark of takeovers, a multiple of 1000")

// BenchmarkTakeover kills one of three workers with SIGKILL and measures, for each of its trackers or for two thousand of them, how long
// it is until a lookup finds it running with a live worker. The lease is the default.
func BenchmarkTakeover(b *testing.B) {
	names := []string{"w-1", "w-2", "w-3"}
	b.Run("single", func(b *testing.B) {
		f := &fleet{server: process.StartServer(b)}
		f.client = newClient(b, f.server.Connect(b))
		config := func(name string) process.WorkerConfig {
			config := f.workerConfig(name)
			config.Lease = ""
			return config
		}
		for _, name := range names {
			f.workers = append(f.workers, process.LaunchWorker(b, config(name)))
		}
		for _, w := range f.workers {
			w.AwaitReady(b)
		}
		f.awaitShared(b, f.workers...)
		benchTakeover(b, f, config)
	})
	b.Run("replicated", func(b *testing.B) {
		c := newClustered(b, "", names...)
		benchTakeover(b, c.fleet, func(name string) process.WorkerConfig { return c.workerConfig(name, "") })
	})
}

func benchTakeover(b *testing.B, f *fleet, config func(name string) process.WorkerConfig) {
	for from := 0; from < *population; from += bulk {
		spawnBulk(b, f.client, "takeover", from)
	}
	var times []time.Duration
	kills, hit := 0, 0
	for b.Loop() {
		dead := kills % len(f.workers)
		kills++
		theirs := trackersOf(b, f.client, f.workers[dead].Name)
		hit += len(theirs)
		begin := time.Now()
		f.workers[dead].Kill()
		times = append(times, awaitOwners(b, f.client, sample(theirs), f.workers[dead].Name, begin)...)
		f.workers[dead] = process.StartWorker(b, config(f.workers[dead].Name))
		f.awaitShared(b, f.workers...)
	}
	slices.Sort(times)
	for _, c := range []struct {
		unit string
		at   int
	}{{"p50-s", len(times) / 2}, {"p99-s", len(times) * 99 / 100}, {"max-s", len(times) - 1}} {
		b.ReportMetric(times[c.at].Seconds(), c.unit)
	}
	b.ReportMetric(float64(hit)/float64(kills), "trackers/kill")
	b.ReportMetric(float64(len(times))/float64(kills), "asked/kill")
	b.ReportMetric(0, "ns/op")
}

// place is where a tracker is asked for directly, as clients do that know the owner's subject.
type place struct{ id, subject string }

// askedFor is how many trackers are asked for at most, all the time until they have an owner: the question must not be the load.
const askedFor = 2000

// sample returns as many of all as are asked for, spread over them.
func sample(all []place) []place {
	n := min(len(all), askedFor)
	some := make([]place, n)
	for i := range some {
		some[i] = all[i*len(all)/n]
	}
	return some
}

// trackersOf returns the benchmark's trackers that a worker owns.
func trackersOf(t testing.TB, c *client, worker string) (theirs []place) {
	t.Helper()
	for i := range *population {
		id := "takeover_" + strconv.Itoa(i)
		r := c.want(t, "found", "lookup", id)
		if r.Tracker.Worker == worker {
			theirs = append(theirs, place{id, fmt.Sprintf("tracker.fleet.p.%d.lookup.%s", r.Tracker.Partition, tokenOf(id))})
		}
	}
	if len(theirs) == 0 {
		t.Fatalf("%s has no trackers", worker)
	}
	return theirs
}

// awaitOwners returns how long after begin each tracker was found with another worker than the dead one. Each is asked for again
// every round until then.
func awaitOwners(t testing.TB, c *client, theirs []place, dead string, begin time.Time) (times []time.Duration) {
	t.Helper()
	const round = 100 * time.Millisecond
	prefix := c.nc.NewInbox() + "."
	sub, err := c.nc.SubscribeSync(prefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed
	open := make(map[string]string, len(theirs))
	for _, at := range theirs {
		open[at.id] = at.subject
	}
	for len(open) > 0 {
		if time.Since(begin) > patience {
			t.Fatalf("%d of %d trackers have no live owner", len(open), len(theirs))
		}
		for id, subject := range open {
			if err := c.nc.PublishRequest(subject, prefix+id, []byte(id)); err != nil {
				t.Fatal(err)
			}
		}
		for next := time.Now().Add(round); len(open) > 0; {
			msg, err := sub.NextMsg(time.Until(next))
			if err != nil && !errors.Is(err, nats.ErrNoResponders) {
				break // nobody has more to say
			}
			if err != nil {
				continue
			}
			var r reply
			if json.Unmarshal(msg.Data, &r) != nil || r.Status != "found" || r.Stale || r.Tracker.Phase != "running" || r.Tracker.Worker == dead {
				continue
			}
			if _, ok := open[r.Tracker.ID]; ok {
				delete(open, r.Tracker.ID)
				times = append(times, time.Since(begin))
			}
		}
	}
	return times
}
