package tracker

import (
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

var (
	twelveDeep  = source.Policy{Confirmations: 12, DropAfter: 64, DropMinAge: 30 * time.Minute}
	untilFinal  = source.Policy{Finality: source.Finalized}
	settledOnly = source.Policy{MissingChecks: 3, DropAge: time.Hour}
	inVain      = absent(50, 0, 2)
	elsewhere   = source.Observation{Kind: source.Absent, Head: 51, Endpoint: 1, Endpoints: 2}
)

var waitings = []struct {
	name   string
	policy source.Policy
	saw    []source.Observation
	checks source.Checks
	want   string
}{
	{"never looked at", twelveDeep, nil, source.Checks{}, "the source's first answer"},
	{
		"unseen", twelveDeep,
		[]source.Observation{inVain},
		source.Checks{},
		"a node to know it: unseen in 1 look; dropped at block 114 and not before " + clock(30*time.Minute),
	},
	{
		"unseen by two", twelveDeep,
		[]source.Observation{inVain, elsewhere, elsewhere},
		source.Checks{},
		"a node to know it: unseen in 3 looks of several endpoints; dropped at block 114 and not before " + clock(30*time.Minute),
	},
	{"never dropped", source.Policy{Confirmations: 1}, []source.Observation{inVain}, source.Checks{}, "a node to know it: unseen in 1 look"},
	{"pending", twelveDeep, []source.Observation{waits(50)}, source.Checks{}, "a block that holds it"},
	{
		"pending, not found", twelveDeep,
		[]source.Observation{waits(50), inVain, inVain},
		source.Checks{},
		"a block that holds it; 2 looks in vain since it was last seen, 3 make it missing",
	},
	{
		"missing", twelveDeep,
		[]source.Observation{waits(50), inVain, inVain, elsewhere},
		source.Checks{},
		"a node to know it again: last seen at " + clock(time.Second) + ", 3 looks in vain since of several endpoints; " +
			"dropped at block 115 and not before " + clock(30*time.Minute+time.Second),
	},
	{
		"confirming", twelveDeep,
		[]source.Observation{included(in(100, "a"), 100)},
		source.Checks{Head: 102},
		"9 more confirmations (3 of 12): final at block 111, the head is 102",
	},
	{
		"the last confirmation", twelveDeep,
		[]source.Observation{included(in(100, "a"), 110)},
		source.Checks{},
		"1 more confirmation (11 of 12): final at block 111, the head is 110",
	},
	{
		"head not handed over", twelveDeep,
		[]source.Observation{included(in(100, "a"), 100)},
		source.Checks{Head: 200},
		"its last confirmation, at block 111, to be handed over",
	},
	{
		"confirmations without an end",
		source.Policy{Confirmations: 1<<64 - 1},
		[]source.Observation{included(in(100, "a"), 100)},
		source.Checks{Head: 102},
		"18446744073709551612 more confirmations (3 of 18446744073709551615)",
	},
	{
		"finalized", untilFinal,
		[]source.Observation{included(in(100, "a"), 100)},
		source.Checks{Head: 102, Safe: 101, Finalized: 90},
		"the finalized head to reach block 100, it is at 90",
	},
	{
		"safe",
		source.Policy{Finality: source.Safe},
		[]source.Observation{included(in(100, "a"), 100)},
		source.Checks{Safe: 95, Finalized: 90},
		"the safe head to reach block 100, it is at 95",
	},
	{
		"no finalized head", untilFinal,
		[]source.Observation{included(in(100, "a"), 100)},
		source.Checks{Head: 102},
		"the finalized head to reach block 100, it is not known yet",
	},
	{
		"replaced", twelveDeep,
		[]source.Observation{replacing("0xb", in(100, "x"), 100)},
		source.Checks{},
		"the transaction in its place, 0xb, to be final: 11 more confirmations (1 of 12): final at block 111, the head is 100",
	},
	{
		"a provider's first answer", settledOnly, nil,
		source.Checks{Next: epoch},
		"the provider's first answer; next asked at " + clock(0),
	},
	{
		"a provider that does not know it", settledOnly,
		[]source.Observation{{Kind: source.Absent, Endpoints: 1}},
		source.Checks{},
		"the provider to know it: unseen in 1 look; dropped if it does not by " + clock(time.Hour+time.Second),
	},
	{
		"under way at a provider", settledOnly,
		[]source.Observation{{Kind: source.Pending}},
		source.Checks{Next: epoch.Add(5 * time.Second)},
		"the provider to settle it; next asked at " + clock(5*time.Second),
	},
	{"at its end", source.Policy{Confirmations: 1}, []source.Observation{included(in(100, "a"), 100)}, source.Checks{}, ""},
}

func TestWaitingSaysWhatHasToCome(t *testing.T) {
	for _, tt := range waitings {
		t.Run(tt.name, func(t *testing.T) {
			w := begins(t, tt.policy)
			for _, o := range tt.saw {
				w.sees(o)
			}
			if got := w.r.Waiting(&tt.policy, tt.checks); got != tt.want {
				t.Errorf("waits for\n %q, want\n %q", got, tt.want)
			}
		})
	}
}

// clock is when the walk had gone on for d.
func clock(d time.Duration) string { return epoch.Add(d).UTC().Format(time.RFC3339) }

func BenchmarkWaiting(b *testing.B) {
	p := &source.Policy{Confirmations: 12, DropAfter: 64, DropMinAge: time.Minute}
	r := Start(epoch, bare(0), bus.Trace{}).Next
	for name, r := range map[string]*Record{
		"unseen": r.Observe(epoch, p, absent(9, 0, 1)).Next, "confirming": r.Observe(epoch, p, included(in(100, "0xa"), 100)).Next,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Waiting(p, source.Checks{Head: 102})
			}
		})
	}
}
