package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/supervision"
)

// eventually polls a condition that another process or the server brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never came about: %s", what)
		}
	}
}

const waits = `"params":{"outcome":"pending"}`

func TestRacersForOneIDGetOneTracker(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	var created atomic.Int32
	var racers sync.WaitGroup
	for range 64 {
		racers.Go(func() {
			switch answer := s.request("spawn", `{"transaction_id":"one",`+waits+`}`); answer["status"] {
			case "created":
				created.Add(1)
			case "existing":
			default:
				t.Errorf("spawn answered %v", answer)
			}
		})
		racers.Go(func() {
			if _, err := s.js.Publish(t.Context(), "tracker.start.one", []byte(`{`+waits+`}`)); err != nil {
				t.Error(err)
			}
		})
	}
	racers.Wait()
	s.request("stop", "one")
	if created.Load() > 1 {
		t.Errorf("%d racers were told created", created.Load())
	}
	if types := s.eventTypes("one"); slices.Index(types[1:], "started") >= 0 {
		t.Errorf("events are %v, want one started", types)
	}
}

func TestOtherParamsAreAConflictThatNamesThem(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	answer := s.request("spawn", `{"transaction_id":"one","params":{"outcome":"revert"}}`)
	if path(answer, "error", "code") != "conflict" || !strings.Contains(fmt.Sprint(answer), "params.outcome") {
		t.Errorf("spawn answered %v", answer)
	}
	if answer := s.request("spawn", `{"transaction_id":"one",`+waits+`,"on_existing":"reject"}`); path(answer, "error", "code") != "exists" {
		t.Errorf("spawn with on_existing reject answered %v", answer)
	}
}

func TestStartsThatMakeNoSenseAreKeptAndBlockNobody(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	bad := []string{`{`, `{"transaction_id":"x","colour":1}`, `{"transaction_id":"y","params":{"outcome":"maybe","after":-1}}`, `{"transaction_id":"z","source":"mars"}`}
	for _, body := range bad {
		if _, err := s.js.Publish(t.Context(), "tracker.start", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.js.Publish(t.Context(), "tracker.start", []byte(`good`)); err != nil {
		t.Fatal(err)
	}
	if types := s.eventTypes("good"); types[0] != "started" {
		t.Errorf("events are %v", types)
	}
	stream, err := s.js.Stream(t.Context(), bus.StreamRejected)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "four rejected starts", func() bool {
		info, err := stream.Info(t.Context())
		return err == nil && info.State.Msgs == uint64(len(bad))
	})
	faults := make(map[string]int)
	for i := range bad {
		m, err := stream.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := bus.ParseRejected(m.Header, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		faults[string(kept.Body)] = len(kept.Error.Details)
	}
	for i, want := range []int{1, 1, 2, 1} {
		if got := faults[bad[i]]; got != want {
			t.Errorf("%s was kept with %d faults, want %d", bad[i], got, want)
		}
	}
}

func TestTrackerThatCrashesTooOftenIsParkedAndComesBack(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", func(c *Config) {
		c.Restarts = supervision.Intensity{MaxRestarts: 2, Period: time.Minute}
		c.Backoff = supervision.Backoff{Base: time.Millisecond, Cap: 2 * time.Millisecond}
	})
	s.request("spawn", `{"transaction_id":"wonky",`+waits+`}`)
	s.request("spawn", `{"transaction_id":"sibling",`+waits+`}`)
	for range 3 {
		if answer := s.request("call", `{"transaction_id":"wonky","op":"crash"}`); path(answer, "error", "code") != "crashed" {
			t.Fatalf("crash answered %v", answer)
		}
	}
	eventually(t, "parked", func() bool { return path(s.request("lookup", "wonky"), "tracker", "phase") == "parked" })
	if answer := s.request("call", "wonky"); path(answer, "error", "code") != "conflict" {
		t.Errorf("call of a parked tracker answered %v", answer)
	}
	if answer := s.request("retry", "wonky"); answer["status"] != "resumed" {
		t.Errorf("retry answered %v", answer)
	}
	if answer := s.request("call", "wonky"); answer["status"] != "ok" || path(answer, "tracker", "incarnation") != 4.0 {
		t.Errorf("call after retry answered %v", answer)
	}
	if answer := s.request("call", `{"transaction_id":"wonky","op":"crash"}`); path(answer, "error", "code") != "crashed" {
		t.Fatalf("crash answered %v", answer)
	}
	if answer := s.request("call", "wonky"); answer["status"] != "ok" {
		t.Errorf("call after one more crash answered %v", answer)
	}
	eventually(t, "the restart is stored", func() bool { return path(s.request("lookup", "wonky"), "tracker", "incarnation") == 5.0 })
	s.request("stop", "wonky")
	types := slices.DeleteFunc(s.eventTypes("wonky"), func(t string) bool { return t == "pending" })
	if got := fmt.Sprint(types); got != "[started restarted restarted parked resumed restarted stopped]" {
		t.Errorf("events are %v", got)
	}
	if got := path(s.request("lookup", "sibling"), "tracker", "incarnation"); got != 1.0 {
		t.Errorf("the sibling's incarnation is %v", got)
	}
}

func TestTemporaryTrackerEndsWithItsCrash(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"once","restart":"temporary",`+waits+`}`)
	s.request("call", `{"transaction_id":"once","op":"crash"}`)
	types := s.eventTypes("once")
	if types[len(types)-1] != "stopped" || slices.Contains(types, "restarted") {
		t.Errorf("events are %v", types)
	}
}

func TestDeadlineEndsATracker(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"late","timeout":"50ms",`+waits+`}`)
	types := s.eventTypes("late")
	if types[len(types)-1] != "expired" {
		t.Errorf("events are %v", types)
	}
}

// claimAll takes every partition from whoever has it, as a worker would that believes the others dead.
func (s *site) claimAll() []bus.Owner {
	s.t.Helper()
	claims, err := bus.NewClaims(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	defer claims.Close()
	owners, err := claims.Owners(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	won, _, err := claims.Claim(s.t.Context(), "thief", "1", owners...)
	if err != nil || len(won) != bus.Partitions {
		s.t.Fatalf("claimed %d partitions: %v", len(won), err)
	}
	return won
}

// TestWorkerThatLostItsPartitionsWritesNothing: the stream refuses it, it notices, drops them, and takes them again once
// the other one is silent.
func TestWorkerThatLostItsPartitionsWritesNothing(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	for i := range 50 {
		s.request("spawn", fmt.Sprintf(`{"transaction_id":"t%d","params":{"outcome":"confirm","after":1}}`, i))
	}
	won := s.claimAll()
	last := won[0].Epoch
	for _, o := range won {
		last = max(last, o.Epoch)
	}
	eventually(t, "claimed back", func() bool {
		return w.workload().Partitions == bus.Partitions && w.Stats().PartitionMoves >= 2*bus.Partitions
	})
	for i := range 50 {
		id := fmt.Sprintf("t%d", i)
		types := s.eventTypes(id)
		if types[len(types)-1] != "confirmed" {
			t.Errorf("events of %s are %v", id, types)
		}
	}
	// Nothing was stored under the thief's reign: its epochs ended only with the next claims.
	next := s.owners()
	consumer, err := s.js.OrderedConsumer(t.Context(), bus.StreamTracker, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"tracker.events.>"}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: last,
	})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.FetchNoWait(1000)
	if err != nil {
		t.Fatal(err)
	}
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		e, err := bus.ParseEvent(m.Subject(), m.Headers(), m.Data(), meta.Sequence.Stream)
		if err != nil {
			t.Fatal(err)
		}
		if back := next[e.TransactionID.Partition()].Epoch; e.Sequence < back {
			t.Errorf("event %s was stored at %d, before the partition was claimed back at %d", m.Subject(), e.Sequence, back)
		}
	}
}

func (s *site) owners() []bus.Owner {
	s.t.Helper()
	claims, err := bus.NewClaims(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	defer claims.Close()
	owners, err := claims.Owners(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return owners
}

func TestFrozenWorkerThawsWithItsMemory(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	if answer := s.request("spawn", `{"transaction_id":"one",`+waits+`}`); answer["status"] != "created" {
		t.Fatalf("spawn answered %v", answer)
	}
	before := s.owners()
	child, _ := w.names.Lookup("one")
	w.freeze.Store(true)
	eventually(t, "frozen", func() bool { return !w.serves(0) })
	if answer := s.request("lookup", "one"); answer["stale"] != true {
		t.Errorf("a frozen worker answered %v, want a stale record", answer)
	}
	if answer := s.request("stop", "one"); path(answer, "error", "code") != "unavailable" {
		t.Errorf("a frozen worker answered stop with %v", answer)
	}
	eventually(t, "the loop knows that it is frozen", func() bool { return w.frozen.Load() })
	w.freeze.Store(false)
	eventually(t, "claimed anew", func() bool { return s.owners()[0].Epoch > before[0].Epoch && w.serves(0) })
	if again, _ := w.names.Lookup("one"); again != child || again.Incarnation() != 1 {
		t.Error("the tracker was started anew")
	}
	if answer := s.request("stop", "one"); answer["status"] != "stopped" {
		t.Errorf("stop after the thaw answered %v", answer)
	}
}

func TestSecondWorkerTakesOverWhatAReleasedOneLeft(t *testing.T) {
	s := newSite(t)
	first := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`,"labels":{"a":"b"}}`)
	s.request("stop", `{"transaction_id":"one","reason":"its_a_crash"}`)
	s.worker("w-2", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "taken over", func() bool { return path(s.request("lookup", "one"), "tracker", "worker") == "w-2" })
	answer := s.request("lookup", "one")
	if path(answer, "tracker", "labels", "a") != "b" || path(answer, "tracker", "restarts") != 1.0 {
		t.Errorf("lookup answered %v", answer)
	}
}

func TestListPagesThroughEverything(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	var items []string
	for i := range 25 {
		items = append(items, fmt.Sprintf(`{"transaction_id":"t/%02d",%s,"labels":{"odd":"%t"}}`, i, waits, i%2 == 1))
	}
	s.request("spawn", `{"items":[`+strings.Join(items, ",")+`]}`)
	var got []string
	cursor := ""
	for range 10 {
		body, err := json.Marshal(map[string]any{"filter": "label.odd:true", "limit": 5, "cursor": cursor})
		if err != nil {
			t.Fatal(err)
		}
		page := s.request("list", string(body))
		for _, tr := range page["trackers"].([]any) {
			got = append(got, tr.(map[string]any)["transaction_id"].(string))
		}
		if path(page, "counts", "total") != 25.0 {
			t.Errorf("counts are %v", page["counts"])
		}
		cursor, _ = page["cursor"].(string)
		if cursor == "" {
			break
		}
	}
	if len(got) != 12 || !slices.IsSorted(got) {
		t.Errorf("listed %v", got)
	}
}
