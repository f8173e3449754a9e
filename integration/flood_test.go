package integration

import (
	"context"
	"encoding/json"
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

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// What is thrown at a worker as fast as it goes, and what it may need for it beyond what it has: the trackers themselves, with what a
// garbage collector leaves lying about. Half a second away from its store it decides at most 3,000 starts a second, with three
// batches of 500 under way.
const (
	floodPublished = 12_000
	floodSpawned   = 9_000
	floodBytes     = 256 << 20
)

// TestFloodOfStartsIsHeldBack throws starts at a worker ten times as fast as it can take them, which is half a second away from its
// store: those that are published wait in the stream, of those that are asked for some are refused with 429 and a time, lookups are
// answered, memory stays bounded, and what was accepted is there.
func TestFloodOfStartsIsHeldBack(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := &fleet{server: process.StartServer(t)}
	f.client = newClient(t, f.server.Connect(t))
	p := process.StartProxy(t, strings.TrimPrefix(f.server.URL, "nats://"))
	config := f.workerConfig("w-1")
	config.Server, config.Lease = "nats://"+p.Address, ""
	w := process.StartWorker(t, config)
	f.workers = append(f.workers, w)
	l := newLoad(f.client, "flood")
	const lasting = 10
	stop := l.spawnLasting(t, lasting)
	trackers, before := l.lasting(t, lasting), peakMemory(t, w)

	p.Delay(250 * time.Millisecond)
	var flood sync.WaitGroup
	flood.Go(func() { l.publishAtOnce(t, floodPublished) })
	var answers map[string]int
	flood.Go(func() { answers = l.spawnAtOnce(t, floodSpawned) })
	process.Await(t, patience, func() error { return more(int(metric(t, w, "start_backlog_messages")), 0) })
	if got := l.lasting(t, lasting); fmt.Sprint(got) != fmt.Sprint(trackers) {
		t.Errorf("trackers are others than before:\n%v\n%v", trackers, got)
	}
	flood.Wait()
	p.Delay(0)
	t.Logf("spawns were answered %v, the worker needed %d MiB, %d before", answers, peakMemory(t, w)>>20, before>>20)
	stop()
	t.Log(l.judge(t, map[string]int{"start held back by 429": answers["429"], "created": answers["created"]}))
	if grown := peakMemory(t, w) - before; grown > floodBytes {
		t.Errorf("the worker needed %d MiB more, at most %d are right", grown>>20, floodBytes>>20)
	}
	if n := answers["429 without a time"]; n > 0 {
		t.Errorf("%d were told to come again, and not when", n)
	}
	if got := metric(t, w, "partition_moves_total"); got != 256 {
		t.Errorf("partitions were claimed %v times", got)
	}
	stayed(t, w)
}

// publishAtOnce publishes starts as fast as they are acknowledged.
func (l *load) publishAtOnce(t *testing.T, n int) {
	js, err := jetstream.New(l.client.nc, jetstream.WithPublishAsyncMaxPending(2000), jetstream.WithPublishAsyncTimeout(patience))
	if err != nil {
		t.Error(err)
		return
	}
	acks := make(map[string]jetstream.PubAckFuture, n)
	for i := range n {
		id := fmt.Sprintf("%s_published_%d", l.prefix, i)
		l.expect(id, soon)
		body := fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id, soon)
		if acks[id], err = js.PublishAsync("tracker.start", []byte(body), jetstream.WithStallWait(patience)); err != nil {
			t.Error(err)
			return
		}
	}
	for id, ack := range acks {
		select {
		case <-ack.Ok():
			l.note(checker.Start{ID: id, Run: 1}, nil)
		case err := <-ack.Err():
			l.note(checker.Start{ID: id, Run: 1}, err)
		case <-t.Context().Done():
			return
		}
	}
}

// expect notes what the transaction asks its source for.
func (l *load) expect(id, params string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[id] = params
}

// spawnAtOnce asks for n starts without waiting for an answer, and counts the answers by status and code. Those refused with 429
// must never come about: they count as not asked for.
func (l *load) spawnAtOnce(t *testing.T, n int) map[string]int {
	inbox := l.client.nc.NewInbox()
	replies, err := l.client.nc.SubscribeSync(inbox + ".*")
	if err != nil {
		t.Error(err)
		return nil
	}
	if err := replies.SetPendingLimits(-1, -1); err != nil {
		t.Error(err)
	}
	id := func(i int) string { return fmt.Sprintf("%s_spawned_%d", l.prefix, i) }
	for i := range n {
		l.expect(id(i), soon)
		body := fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id(i), soon)
		if err := l.client.nc.PublishRequest("tracker.spawn", fmt.Sprintf("%s.%d", inbox, i), []byte(body)); err != nil {
			t.Error(err)
			return nil
		}
	}
	counts := make(map[string]int)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range n {
		msg, err := replies.NextMsgWithContext(ctx)
		if err != nil {
			t.Errorf("after %v: %v", counts, err)
			break
		}
		i, err := strconv.Atoi(msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:])
		if err != nil {
			t.Error(err)
			break
		}
		l.settle(counts, checker.Start{ID: id(i), Run: 1}, msg)
	}
	return counts
}

// settle counts one answer, and notes what it means for the start.
func (l *load) settle(counts map[string]int, s checker.Start, msg *nats.Msg) {
	r := reply{header: msg.Header}
	err := json.Unmarshal(msg.Data, &r)
	switch {
	case err != nil:
		counts[err.Error()]++
		l.note(s, err)
	case r.Status == "created":
		counts[r.Status]++
		l.note(s, nil)
	case r.code() == 429:
		counts["429"]++
		if r.Error.RetryAfterMS <= 0 {
			counts["429 without a time"]++
		}
	default:
		counts[strconv.Itoa(r.code())]++
		l.note(s, errors.New(r.Error.Message))
	}
}

// peakMemory returns the most bytes of memory that a process ever had.
func peakMemory(t *testing.T, w *process.Worker) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("the kernel does not say how much memory a process had")
	return 0
}
