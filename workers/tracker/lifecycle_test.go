package tracker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

func TestCrashRestartParkResume(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.r = w.r.Owned(1234, 1)
	w.sees(included(in(100, "a"), 100))
	crash := Crash{At: epoch.Add(2 * time.Second), Reason: "its_a_crash", Stack: strings.Repeat("é", 4<<10)}

	w.did(w.r.Crashed(crash.At, crash))
	w.is(bus.StatusConfirming)
	if !w.last.Durable || len(w.r.Crashes()) != 1 {
		t.Errorf("durable %v, crashes %v", w.last.Durable, w.r.Crashes())
	}
	w.did(w.r.Restarted(crash.At, Comeback{Crash: crash, Attempt: 1, Backoff: 70 * time.Millisecond, Incarnation: 2}))
	w.is(bus.StatusConfirming, `restarted {"reason":"its_a_crash","stack":"`+strings.Repeat("é", 2<<10)+
		`","attempt":1,"backoff":"70ms","from_incarnation":1,"to_incarnation":2}`)
	if got := w.r.Object(0); got.Epoch != 1234 || got.Incarnation != 2 || got.Restarts != 1 || got.LastError.Message != "its_a_crash" {
		t.Errorf("object %+v", got)
	}
	if want := []time.Time{crash.At}; !cmp.Equal(want, w.r.Crashes()) {
		t.Errorf("crashes %v, want %v", w.r.Crashes(), want)
	}

	again := Crash{At: epoch.Add(3 * time.Second), Reason: "again"}
	w.did(w.r.Parked(again.At, again, time.Time{}))
	w.is(bus.StatusConfirming, `parked {"reason":"again","restarts":1,"since":`+after(2)+`}`)
	w.sees(advanced(102))
	w.unchanged()
	if w.r.Phase() != bus.PhaseParked || w.r.Wake(w.policy) != (source.Wake{}) {
		t.Errorf("phase %s, wake %+v", w.r.Phase(), w.r.Wake(w.policy))
	}
	w.did(w.r.Parked(again.At, again, time.Time{}))
	w.unchanged()
	w.did(w.r.Restarted(again.At, Comeback{Crash: again}))
	w.unchanged()

	w.did(w.r.Resumed(again.At, "ops"))
	w.is(bus.StatusConfirming, `resumed {"by":"ops"}`)
	if len(w.r.Crashes()) != 0 || w.r.LastError() == nil {
		t.Errorf("crashes %v, last error %v", w.r.Crashes(), w.r.LastError())
	}
	w.did(w.r.Resumed(again.At, "ops"))
	w.unchanged()
	w.sees(advanced(102))
	w.is(bus.StatusConfirmed, `progress {"have":3,"need":3,"head":102}`,
		`confirmed {"block":{"number":100,"hash":"a"},"have":3,"need":3,"finality":"depth","latency":"3s","gas_used":"21000"}`)
}

func TestCrashHistoryIsBounded(t *testing.T) {
	w := begins(t, source.Policy{})
	for i := range 3 * MaxCrashes {
		crash := Crash{At: epoch.Add(time.Duration(i) * time.Second), Reason: "again"}
		w.did(w.r.Restarted(crash.At, Comeback{Crash: crash, Incarnation: uint64(i + 2)}))
	}
	got := w.r.Crashes()
	if len(got) != MaxCrashes || !got[MaxCrashes-1].Equal(epoch.Add((3*MaxCrashes-1)*time.Second)) {
		t.Errorf("%d crashes, the last at %v", len(got), got[len(got)-1])
	}
	if w.r.Restarts() != 3*MaxCrashes {
		t.Errorf("%d restarts", w.r.Restarts())
	}
}

func TestStopEndsEveryPhase(t *testing.T) {
	for _, parked := range []bool{false, true} {
		w := begins(t, source.Policy{})
		if parked {
			w.did(w.r.Parked(epoch, Crash{At: epoch, Reason: "x"}, epoch))
		}
		w.did(w.r.Stop(epoch, "normal", "ops"))
		w.is(bus.StatusStopped, `stopped {"reason":"normal","by":"ops"}`)
		if got, want := string(w.r.Result()), `{"reason":"normal","by":"ops"}`; got != want {
			t.Errorf("result %s, want %s", got, want)
		}
		w.did(w.r.Stop(epoch, "normal", "ops"))
		w.unchanged()
	}
}

func TestRerunGoesOnNumbering(t *testing.T) {
	w := begins(t, source.Policy{})
	req := bus.StartRequest{TransactionID: w.r.ID(), Source: "other", Labels: map[string]string{"k": "v"}}
	w.did(w.r.Rerun(epoch, req, bus.Trace{}))
	w.unchanged()
	w.r = w.r.Owned(7, 3)
	w.did(w.r.Restarted(epoch, Comeback{Crash: Crash{At: epoch, Reason: "x"}, Incarnation: 4}))
	w.did(w.r.Stop(epoch, "normal", ""))
	w.did(w.r.Rerun(epoch.Add(time.Minute), req, bus.Trace{Parent: "p"}))
	w.is(bus.StatusUnseen, `started {"source":"other","labels":{"k":"v"}}`)
	if e := w.last.Events[0]; e.N != 4 || e.Run != 2 {
		t.Errorf("event %+v", e)
	}
	got := w.r.Object(0)
	want := bus.Tracker{
		TransactionID: w.r.ID(), Source: "other", Run: 2, Phase: bus.PhaseRunning, Status: bus.StatusUnseen, Partition: w.r.ID().Partition(),
		Epoch: 7, Incarnation: 4, StartedAt: epoch.Add(time.Minute), UpdatedAt: epoch.Add(time.Minute), Labels: req.Labels, Events: 4,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(bus.ID{})); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
	if w.r.Trace().Parent != "p" {
		t.Errorf("trace %+v", w.r.Trace())
	}
}

func TestObjectCountsConfirmationsOfTheNewestHead(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 12})
	w.sees(included(in(100, "a"), 101))
	for head, have := range map[uint64]uint64{0: 2, 100: 2, 105: 6} {
		if got := w.r.Object(head).Progress; *got != (bus.Progress{Have: have, Need: 12}) {
			t.Errorf("head %d: %+v, want have %d of 12", head, got, have)
		}
	}
}

func TestConflictsNamesWhatDiffers(t *testing.T) {
	start := bus.StartRequest{TransactionID: mustID(t, "t"), Source: "main", Params: []byte(`{"hash": "0xab", "finality": {"confirmations": 12}}`)}
	r := Start(epoch, start, bus.Trace{}).Next
	for params, want := range map[string][]string{
		`{"finality":{"confirmations":12},"hash":"0xab"}`: nil,
		`{"finality":{"confirmations":13},"hash":"0xab"}`: {"params.finality.confirmations"},
		``: {"params.finality", "params.hash"},
	} {
		req := start
		req.Params = []byte(params)
		if got := r.Conflicts(req); !cmp.Equal(want, got) {
			t.Errorf("%s: %v, want %v", params, got, want)
		}
	}
	start.Source = "test"
	if got := r.Conflicts(start); !cmp.Equal([]string{"source"}, got) {
		t.Errorf("source: %v", got)
	}
}

// A new owner's source may be behind the one that the record knows, under settings that ask for less.
func TestTakeoverBySourceThatIsBehind(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 20})
	w.sees(included(in(100, "a"), 110))
	w.policy = &source.Policy{Confirmations: 5}
	if got, want := w.r.Wake(w.policy), (source.Wake{Height: 110}); got != want {
		t.Errorf("wake %+v, want %+v", got, want)
	}
	if got := w.r.Hint(); got.Since != 110 || *got.Block != at(100, "a") {
		t.Errorf("hint %+v, block %+v", got, got.Block)
	}
	w.sees(included(in(100, "a"), 107))
	w.unchanged()
	w.sees(advanced(110))
	w.is(bus.StatusConfirmed, `progress {"have":11,"need":5,"head":110}`,
		`confirmed {"block":{"number":100,"hash":"a"},"have":11,"need":5,"finality":"depth","latency":"3s","gas_used":"21000"}`)
}
