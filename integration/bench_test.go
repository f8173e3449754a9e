package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bulk is how many starts one tracker.spawn takes.
const bulk = 1000

// spawnBulk starts bulk trackers that live for ever, with IDs of prefix from number from on.
func spawnBulk(b *testing.B, c *client, prefix string, from int) {
	var body strings.Builder
	body.WriteString(`{"items":[`)
	for i := range bulk {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"transaction_id":"%s_%d","params":%s}`, prefix, from+i, forever)
	}
	body.WriteString(`]}`)
	r := c.ask(b, "spawn", body.String())
	if len(r.Items) != bulk {
		b.Fatalf("%d starts are answered with %.300s", bulk, r.body)
	}
	for _, item := range r.Items {
		if item.Status != "created" {
			b.Fatalf("a start is answered with %+v", item.Error)
		}
	}
}

// BenchmarkSpawn starts trackers by the thousand: durable, registered and running when they are counted.
func BenchmarkSpawn(b *testing.B) {
	f := newFleet(b, "w-1")
	n := 0
	for b.Loop() {
		spawnBulk(b, f.client, "spawn", n)
		n += bulk
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "starts/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPublishedStarts publishes starts one by one, many in flight, and counts one when its started event is there. The share is
// that of the same publishes without any worker.
func BenchmarkPublishedStarts(b *testing.B) {
	f := newFleet(b, "w-1") // makes the streams
	f.workers[0].Kill()
	bare := publishStarts(b, f.client, "bare")
	f.workers[0] = f.startWorker(b, "w-1")
	awaitStarted(b, f.client, "bare_", bulk)
	var all time.Duration
	n := 0
	for b.Loop() {
		prefix := fmt.Sprintf("published%d", n)
		begin := time.Now()
		done := awaitStartedLater(b, f.client, prefix+"_", bulk)
		publishStarts(b, f.client, prefix)
		done()
		all += time.Since(begin)
		n += bulk
	}
	rate := float64(n) / all.Seconds()
	b.ReportMetric(rate, "starts/s")
	b.ReportMetric(100*rate/(bulk/bare.Seconds()), "%_of_bare_publish")
	b.ReportMetric(0, "ns/op")
}

// publishStarts publishes bulk starts and returns how long it took until all were acknowledged.
func publishStarts(b *testing.B, c *client, prefix string) time.Duration {
	begin := time.Now()
	acks := make([]jetstream.PubAckFuture, bulk)
	for i := range acks {
		body := fmt.Sprintf(`{"transaction_id":"%s_%d","params":%s}`, prefix, i, forever)
		ack, err := c.js.PublishAsync("tracker.start", []byte(body))
		if err != nil {
			b.Fatal(err)
		}
		acks[i] = ack
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			b.Fatal(err)
		}
	}
	return time.Since(begin)
}

func awaitStarted(b *testing.B, c *client, prefix string, n int) {
	deadline := time.Now().Add(patience)
	for i := 0; i < n; {
		if r := c.ask(b, "lookup", prefix+strconv.Itoa(i)); r.Status == "found" {
			i++
		} else if time.Now().After(deadline) {
			b.Fatalf("%s%d does not start: %s", prefix, i, r.body)
		}
	}
}

// awaitStartedLater returns what waits until n started events of the prefix have come since now.
func awaitStartedLater(b *testing.B, c *client, prefix string, n int) (wait func()) {
	sub, err := c.nc.SubscribeSync("tracker.events.*.started.*")
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(sub.SetPendingLimits(-1, -1), c.nc.Flush()); err != nil {
		b.Fatal(err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for seen := 0; seen < n; {
			msg, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				b.Fatalf("%d of %d started: %v", seen, n, err)
			}
			if strings.HasPrefix(msg.Subject, "tracker.events."+prefix) {
				seen++
			}
		}
		if err := sub.Unsubscribe(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookup measures lookups through NATS as a share of bare requests, with the same clients, in turns.
func BenchmarkLookup(b *testing.B) {
	f := newFleet(b, "w-1")
	spawnBulk(b, f.client, "lookup", 0)
	answer := f.ask(b, "lookup", "lookup_0").body
	responder := f.server.Connect(b)
	if _, err := responder.QueueSubscribe("bare.lookup", "q", func(m *nats.Msg) { _ = m.Respond(answer) }); err != nil {
		b.Fatal(err)
	}
	if err := responder.Flush(); err != nil {
		b.Fatal(err)
	}
	var bare, lookup time.Duration
	n := 0
	for b.Loop() {
		bare += requests(b, f.client, "bare.lookup")
		lookup += requests(b, f.client, "tracker.lookup")
		n += asked
	}
	b.ReportMetric(float64(n)/lookup.Seconds(), "lookups/s")
	b.ReportMetric(100*bare.Seconds()/lookup.Seconds(), "%_of_bare_request")
	b.ReportMetric(0, "ns/op")
}

const (
	asked  = 4000 // requests of one turn
	askers = 16   // at a time
)

// requests asks subject and returns how long it took.
func requests(b *testing.B, c *client, subject string) time.Duration {
	begin := time.Now()
	var all sync.WaitGroup
	errs := make([]error, askers)
	for asker := range askers {
		all.Go(func() {
			for i := range asked / askers {
				id := "lookup_" + strconv.Itoa((asker*asked/askers+i)%bulk)
				if _, err := c.nc.Request(subject, []byte(id), patience); err != nil {
					errs[asker] = err
					return
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// BenchmarkIdleTracker measures what an idle tracker adds to its worker's resident memory.
func BenchmarkIdleTracker(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				f := newFleet(b, "w-1")
				before := residentBytes(b, f.workers[0].PID())
				for from := 0; from < n; from += bulk {
					spawnBulk(b, f.client, "idle", from)
				}
				after := settled(b, f.workers[0].PID())
				b.ReportMetric(float64(after-before)/float64(n), "RSS-B/tracker")
				f.workers[0].Kill()
				f.server.Kill()
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// settled returns the resident memory of a process once it has not changed by more than 1 % in any of five seconds in a row: what
// is not needed any more is given back by then.
func settled(b *testing.B, pid int) int {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last, calm := residentBytes(b, pid), 0
	for range 60 {
		<-ticker.C
		now := residentBytes(b, pid)
		if calm++; 100*max(now-last, last-now) >= last {
			calm = 0
		}
		if last = now; calm == 5 {
			break
		}
	}
	return last
}

// residentBytes returns VmRSS of a process.
func residentBytes(b *testing.B, pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			if err != nil {
				b.Fatal(err)
			}
			return kib << 10
		}
	}
	b.Fatalf("no VmRSS of %d", pid)
	return 0
}
