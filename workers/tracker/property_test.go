package tracker

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

var (
	heights = rapid.OneOf(rapid.Uint64Range(0, 12), rapid.SampledFrom([]uint64{math.MaxUint64, math.MaxUint64 - 1, math.MaxInt64}))
	words   = rapid.SampledFrom([]string{"a", "b", "c", "", "\xff", "<\u2028>"})
	times   = rapid.SampledFrom([]time.Time{{}, epoch, epoch.AddDate(900, 0, 0), epoch.AddDate(30000, 0, 0), epoch.AddDate(-5000, 0, 0)})
)

func inclusions(t *rapid.T) *source.Inclusion {
	if rapid.IntRange(0, 4).Draw(t, "no inclusion") == 0 {
		return nil
	}
	return &source.Inclusion{
		Block:   source.BlockRef{Number: heights.Draw(t, "number"), Hash: words.Draw(t, "hash"), Time: times.Draw(t, "time")},
		Success: rapid.Bool().Draw(t, "success"), Reason: words.Draw(t, "reason"),
	}
}

// observations are mostly impossible ones.
var observations = rapid.Custom(func(t *rapid.T) source.Observation {
	return source.Observation{
		Kind: source.Kind(rapid.IntRange(0, 10).Draw(t, "kind")), At: times.Draw(t, "at"), Head: heights.Draw(t, "head"),
		Safe: heights.Draw(t, "safe"), Finalized: heights.Draw(t, "finalized"), Endpoint: rapid.IntRange(-1, 70000).Draw(t, "endpoint"),
		Endpoints: rapid.IntRange(-1, 3).Draw(t, "endpoints"), Inclusion: inclusions(t), From: inclusions(t), Depth: heights.Draw(t, "depth"),
		By: words.Draw(t, "by"), Replacement: words.Draw(t, "replacement"),
		Settlement: rapid.SampledFrom([]*source.Settlement{
			nil,
			{},
			{End: source.EndConfirmed},
			{End: source.EndFailed, Reason: "\xff"},
			{End: source.EndStopped, ProviderStatus: "a"},
			{End: source.EndExpired},
			{End: source.EndDropped},
			{End: 99},
		}).Draw(t, "settlement"),
		Pending: rapid.SampledFrom([]*source.PendingDetails{nil, {}, {Nonce: "7", Fees: map[string]string{"\xff": "1"}}}).Draw(t, "details"),
	}
})

var policies = rapid.Custom(func(t *rapid.T) *source.Policy {
	if rapid.IntRange(0, 9).Draw(t, "no policy") == 0 {
		return nil
	}
	return &source.Policy{
		Confirmations: heights.Draw(t, "confirmations"), Finality: source.Finality(rapid.IntRange(0, 3).Draw(t, "finality")),
		Progress: source.Progress{
			Every: rapid.Bool().Draw(t, "every"), None: rapid.Bool().Draw(t, "none"), At: rapid.SliceOfN(heights, 0, 3).Draw(t, "at"),
		},
		DropAfter: heights.Draw(t, "drop after"), DropMinAge: time.Duration(rapid.IntRange(0, 3).Draw(t, "age")) * time.Second,
		MissingChecks: rapid.IntRange(-1, 4).Draw(t, "checks"), DropAge: time.Duration(rapid.IntRange(0, 3).Draw(t, "drop age")) * time.Second,
	}
})

// settlements are the ends that a provider can say.
var settlements = []bus.Status{bus.StatusConfirmed, bus.StatusFailed, bus.StatusStopped, bus.StatusExpired, bus.StatusDropped}

// edges are the ways between statuses that an observation may lead; every row of the table is in here.
var edges = map[bus.Status][]bus.Status{
	bus.StatusUnseen:     append([]bus.Status{bus.StatusPending, bus.StatusConfirming, bus.StatusReplaced}, settlements...),
	bus.StatusPending:    append([]bus.Status{bus.StatusConfirming, bus.StatusMissing, bus.StatusReplaced}, settlements...),
	bus.StatusMissing:    append([]bus.Status{bus.StatusPending, bus.StatusConfirming, bus.StatusReplaced}, settlements...),
	bus.StatusConfirming: append([]bus.Status{bus.StatusUnseen, bus.StatusPending, bus.StatusMissing, bus.StatusReplaced}, settlements...),
}

// rules holds what every decision promises about the record it came from and the events before it.
type rules struct {
	r     *Record
	n     uint64
	ended map[uint64]bool
}

func (u *rules) did(t *rapid.T, d Decision) {
	image := *u.r
	for _, e := range d.Events {
		u.n++
		if e.N != u.n || u.ended[e.Run] {
			t.Fatalf("event %d %s of run %d after %d events, ended runs %v", e.N, e.Type, e.Run, u.n-1, u.ended)
		}
		if e.Terminal != bus.Status(e.Type).Terminal() {
			t.Fatalf("event %s: terminal is %v", e.Type, e.Terminal)
		}
		u.ended[e.Run] = e.Terminal
		body, err := e.Body()
		if err != nil || !json.Valid(body) {
			t.Fatalf("body %s: %v", body, err)
		}
	}
	if len(d.Events) > 0 && !d.Durable || d.Durable && d.Next == nil {
		t.Fatalf("durable is %v with %d events, record %v", d.Durable, len(d.Events), d.Next != nil)
	}
	if !reflect.DeepEqual(image, *u.r) {
		t.Fatal("the record was changed")
	}
	if d.Next == nil {
		return
	}
	if d.Next.Events() != u.n || d.Next.Epoch() != u.r.Epoch() {
		t.Fatalf("events %d, want %d; epoch %d, was %d", d.Next.Events(), u.n, d.Next.Epoch(), u.r.Epoch())
	}
	if (d.Next.Phase() == bus.PhaseFinished) != d.Next.Status().Terminal() || d.Next.Status().Terminal() != d.Terminal() {
		t.Fatalf("phase %s, status %s, terminal %v", d.Next.Phase(), d.Next.Status(), d.Terminal())
	}
	u.r = d.Next
}

// reload replaces the record by what is read after it was written.
func (u *rules) reload(t *rapid.T) {
	b, err := Encode(u.r)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(b)
	if err != nil {
		t.Fatalf("decode %s: %v", b, err)
	}
	if diff := cmp.Diff(u.r.Object(0), back.Object(0), cmp.AllowUnexported(bus.ID{})); diff != "" {
		t.Fatalf("decoded differs:\n%s", diff)
	}
	u.r = back
}

func TestAnyObservationsKeepTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, err := bus.ParseID("txn.1")
		if err != nil {
			t.Fatal(err)
		}
		req := bus.StartRequest{TransactionID: id, Timeout: bus.Duration(time.Minute), Meta: json.RawMessage(`{"a": "<b>"}`)}
		now, policy := epoch, policies.Draw(t, "policy")
		u := &rules{r: &Record{}, ended: map[uint64]bool{}}
		u.did(t, Start(now, req, bus.Trace{}))
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(-1, 5).Draw(t, "seconds")) * time.Second)
			crash := Crash{At: now, Reason: words.Draw(t, "crash")}
			before, incarnation := u.r.Status(), u.r.Incarnation()
			switch rapid.IntRange(0, 30).Draw(t, "step") {
			case 0:
				u.did(t, u.r.Stop(now, "normal", "test"))
			case 1:
				u.did(t, u.r.Expire(now))
			case 2:
				u.did(t, u.r.Parked(now, crash, times.Draw(t, "since")))
			case 3:
				u.did(t, u.r.Resumed(now, "test"))
			case 4:
				u.did(t, u.r.Crashed(now, crash))
			case 5:
				u.did(t, u.r.Restarted(now, Comeback{Crash: crash, Incarnation: incarnation + 1}))
			case 6:
				u.did(t, u.r.Rerun(now, req, bus.Trace{}))
			case 7:
				u.reload(t)
			default:
				d := u.r.Observe(now, policy, observations.Draw(t, "observation"))
				u.did(t, d)
				after := u.r.Status()
				if u.r.Incarnation() != incarnation || after != before && !slices.Contains(edges[before], after) {
					t.Fatalf("from %s to %s, incarnation %d to %d", before, after, incarnation, u.r.Incarnation())
				}
			}
		}
	})
}

// A source answers a wake that holds already at once, so asking again for what it has just answered would never end.
func TestWakesComeToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, err := bus.ParseID("txn.1")
		if err != nil {
			t.Fatal(err)
		}
		r := Start(epoch, bus.StartRequest{TransactionID: id}, bus.Trace{}).Next
		for range rapid.IntRange(1, 8).Draw(t, "observations") {
			policy := policies.Draw(t, "policy") // an operator may change defaults between a start and a takeover
			o := observations.Draw(t, "observation")
			for answers := 0; ; answers++ {
				d := r.Observe(epoch, policy, o)
				if d.Next != nil {
					r = d.Next
				}
				if !holds(d.Wake, o) {
					break
				}
				if answers == 4 {
					t.Fatalf("wake %+v is asked again and again at head %d, safe %d, finalized %d", d.Wake, o.Head, o.Safe, o.Finalized)
				}
				o.Kind, o.Inclusion = source.Advanced, nil
			}
		}
	})
}

// holds reports whether the heads of o satisfy a wake that was asked for.
func holds(w source.Wake, o source.Observation) bool {
	if w == (source.Wake{}) {
		return false
	}
	switch w.Head {
	case source.Safe:
		return covers(o.Safe, w.Height)
	case source.Finalized:
		return covers(o.Finalized, w.Height)
	}
	return o.Head >= w.Height
}
