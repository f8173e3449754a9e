package tracker

import (
	"strconv"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

const (
	includedAt100 = `included {"block":{"number":100,"hash":"a"},"index":0,"outcome":"succeeded","gas_used":"21000","have":1,"need":3}`
	replacingAt9  = `replacing {"by":"other","kind":"speedup","block":{"number":9,"hash":"x"}}`
)

func TestRow1StartAccepted(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.is(bus.StatusUnseen, `started {"source":"sim","deadline":`+after(3600)+`}`)
	if e := w.last.Events[0]; e.N != 1 || e.Run != 1 || e.Terminal || !e.At.Equal(epoch) {
		t.Errorf("event %+v", e)
	}
}

func TestRow2KnownInNoBlock(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3, MissingChecks: 1})
	w.sees(waits(50))
	w.is(bus.StatusPending, `pending {"nonce":"7"}`)
	w.sees(waits(51))
	w.is(bus.StatusPending)
	if w.last.Durable {
		t.Error("a poll is written")
	}
	w.sees(absent(52, 0, 1))
	w.sees(waits(53))
	w.is(bus.StatusPending, `pending {"nonce":"7"}`)
}

func TestRow3ReceiptOnCanonicalWindow(t *testing.T) {
	for name, before := range map[string][]source.Observation{
		"unseen": nil, "pending": {waits(90)}, "missing": {waits(90), absent(91, 0, 1), absent(91, 0, 1), absent(91, 0, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := begins(t, source.Policy{Confirmations: 3})
			for _, o := range before {
				w.sees(o)
			}
			if string(w.r.Status()) != name {
				t.Fatalf("status %s before", w.r.Status())
			}
			w.sees(included(in(100, "a"), 100))
			w.is(bus.StatusConfirming, includedAt100)
			w.wakes(102, source.Depth)
			w.sees(included(in(100, "a"), 100))
			w.unchanged()
			w.sees(included(in(100, "b"), 101))
			w.unchanged()
			w.sees(waits(101))
			w.unchanged()
			w.sees(absent(101, 0, 1))
			w.unchanged()
			w.sees(source.Observation{Kind: source.Replaced, Head: 101})
			w.unchanged()
		})
	}
}

func TestRow3AlreadyFinal(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.sees(included(in(100, "a"), 102))
	w.is(bus.StatusConfirmed,
		`included {"block":{"number":100,"hash":"a"},"index":0,"outcome":"succeeded","gas_used":"21000","have":3,"need":3}`,
		`confirmed {"block":{"number":100,"hash":"a"},"have":3,"need":3,"finality":"depth","latency":"1s","gas_used":"21000"}`)
}

func TestRow4HeadPassesAskedHeight(t *testing.T) {
	for name, c := range map[string]struct {
		progress source.Progress
		heads    []uint64
		wakes    []uint64
		events   []string // "" for none
	}{
		"default": {source.Progress{}, []uint64{101, 103}, []uint64{104, 104}, []string{"", ""}},
		"every": {
			source.Progress{Every: true},
			[]uint64{101, 103},
			[]uint64{102, 104},
			[]string{`progress {"have":2,"need":5,"head":101}`, `progress {"have":4,"need":5,"head":103}`},
		},
		"list": {
			source.Progress{At: []uint64{1, 3, 4, 9}},
			[]uint64{101, 103},
			[]uint64{102, 104},
			[]string{"", `progress {"have":4,"need":5,"head":103}`},
		},
		"none": {source.Progress{None: true}, []uint64{101, 103}, []uint64{104, 104}, []string{"", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := begins(t, source.Policy{Confirmations: 5, Progress: c.progress})
			w.sees(included(in(100, "a"), 100))
			for i, head := range c.heads {
				w.sees(advanced(head))
				var want []string
				if c.events[i] != "" {
					want = []string{c.events[i]}
				}
				w.is(bus.StatusConfirming, want...)
				w.wakes(c.wakes[i], source.Depth)
				w.sees(advanced(head - 1))
				w.unchanged()
			}
			w.sees(advanced(104))
			terminal := `confirmed {"block":{"number":100,"hash":"a"},"have":5,"need":5,"finality":"depth","latency":"6s","gas_used":"21000"}`
			if name == "none" || name == "list" {
				w.is(bus.StatusConfirmed, terminal)
			} else {
				w.is(bus.StatusConfirmed, `progress {"have":5,"need":5,"head":104}`, terminal)
			}
		})
	}
}

func TestRow4TagCoversIt(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3, Finality: source.Finalized})
	first := included(in(100, "a"), 150)
	first.Safe, first.Finalized = 90, 80
	w.sees(first)
	w.is(bus.StatusConfirming, `included {"block":{"number":100,"hash":"a"},"index":0,"outcome":"succeeded","gas_used":"21000","have":51}`)
	w.wakes(100, source.Safe)
	w.sees(source.Observation{Kind: source.Advanced, Head: 151, Safe: 100, Finalized: 80})
	w.is(bus.StatusConfirming, `progress {"have":52,"head":151,"safe":true}`)
	w.wakes(100, source.Finalized)
	w.sees(source.Observation{Kind: source.Advanced, Head: 149, Finalized: 101}) // an endpoint that is behind
	w.is(bus.StatusConfirmed, `progress {"have":52,"head":151,"safe":true}`,
		`confirmed {"block":{"number":100,"hash":"a"},"have":52,"finality":"finalized","latency":"3s","gas_used":"21000"}`)
}

func TestRow5ReorganisedIntoAnotherBlock(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.sees(included(in(100, "a"), 101))
	w.sees(reorged(in(100, "a"), reverted(101, "b"), 101))
	w.is(bus.StatusConfirming, `reorged {"from":{"number":100,"hash":"a"},"to":{"number":101,"hash":"b"},"depth":2,`+
		`"outcome_before":"succeeded","outcome_now":"failed"}`)
	w.wakes(103, source.Depth)
	w.sees(reorged(in(100, "a"), in(100, "c"), 100)) // late
	w.unchanged()
	w.sees(included(in(100, "a"), 102))
	w.unchanged()
	w.sees(advanced(103))
	w.is(bus.StatusFailed, `progress {"have":3,"need":3,"head":103}`,
		`failed {"block":{"number":101,"hash":"b"},"have":3,"need":3,"finality":"depth","latency":"5s","gas_used":"21000","reason":"out of luck"}`)
}

func TestRow6ReorganisedIntoNoBlock(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.sees(included(in(100, "a"), 101))
	w.sees(reorged(in(100, "a"), nil, 102))
	w.is(bus.StatusPending, `reorged {"from":{"number":100,"hash":"a"},"to":null,"depth":2}`)
	w.wakes(0, source.Depth)
	w.sees(included(in(100, "a"), 101)) // late
	w.unchanged()
	for range 3 {
		w.sees(absent(102, 0, 1))
	}
	w.is(bus.StatusMissing, `missing {"since":`+after(4)+`,"last_seen":`+after(2)+`,"checks":3}`)
	w.sees(included(in(100, "a"), 103)) // the old branch won after all
	w.is(bus.StatusConfirmed, `included {"block":{"number":100,"hash":"a"},"index":0,"outcome":"succeeded","gas_used":"21000","have":4,"need":3}`,
		`confirmed {"block":{"number":100,"hash":"a"},"have":4,"need":3,"finality":"depth","latency":"7s","gas_used":"21000"}`)
}

func TestRow7PendingNotFound(t *testing.T) {
	for name, c := range map[string]struct {
		looks   []source.Observation
		missing bool
	}{
		"two looks":                 {[]source.Observation{absent(9, 0, 1), absent(9, 0, 1)}, false},
		"three looks, one endpoint": {[]source.Observation{absent(9, 0, 1), absent(9, 0, 1), absent(9, 0, 1)}, true},
		"three looks at one of two": {[]source.Observation{absent(9, 1, 2), absent(9, 1, 2), absent(9, 1, 2)}, false},
		"three looks at both":       {[]source.Observation{absent(9, 1, 2), absent(9, 1, 2), absent(9, 0, 2)}, true},
		"endpoints behind":          {[]source.Observation{absent(7, 0, 1), absent(7, 0, 1), absent(9, 0, 1), absent(9, 0, 1)}, false},
		"seen in between":           {[]source.Observation{absent(9, 0, 1), absent(9, 0, 1), waits(9), absent(9, 0, 1)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := begins(t, source.Policy{Confirmations: 3, MissingChecks: 3})
			w.sees(waits(8))
			for _, o := range c.looks {
				w.sees(o)
			}
			if !c.missing {
				w.is(bus.StatusPending)
				return
			}
			w.is(bus.StatusMissing, `missing {"since":`+after(2)+`,"last_seen":`+after(1)+`,"checks":3}`)
		})
	}
}

func TestRow8AnotherTransactionTookTheNonce(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.sees(replacing("other", in(9, "x"), 9))
	w.is(bus.StatusConfirming, replacingAt9)
	w.wakes(11, source.Depth)
	if h := w.r.Hint(); h.Block == nil || h.Block.Number != 9 || h.By != "other" || h.Since != 9 {
		t.Errorf("hint %+v", h)
	}
	w.sees(reorged(in(9, "x"), nil, 10))
	w.is(bus.StatusUnseen, `reorged {"from":{"number":9,"hash":"x"},"to":null,"depth":2}`)
	w.sees(waits(10))
	w.sees(included(in(10, "a"), 10))
	w.sees(replacing("other", in(10, "y"), 11)) // ours is there: impossible without a reorganisation
	w.unchanged()
	moved := reorged(in(10, "a"), in(11, "z"), 11)
	moved.By, moved.Replacement = "other", "cancel"
	w.sees(moved)
	w.is(bus.StatusConfirming, `reorged {"from":{"number":10,"hash":"a"},"to":null,"depth":2}`,
		`replacing {"by":"other","kind":"cancel","block":{"number":11,"hash":"z"}}`)
	w.sees(reorged(in(11, "z"), in(12, "b"), 12))
	w.is(bus.StatusConfirming, `reorged {"from":{"number":11,"hash":"z"},"to":{"number":12,"hash":"b"},"depth":2,`+
		`"outcome_before":"replaced","outcome_now":"succeeded"}`)
}

// Who took over from another worker may know less of what the replacement does than the record.
func TestRow8ReplacementMoves(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.sees(replacing("other", in(9, "x"), 9))
	moved := reorged(in(9, "x"), in(10, "y"), 10)
	moved.By, moved.Replacement = "other", "other"
	w.sees(moved)
	w.sees(advanced(12))
	w.is(bus.StatusReplaced, `replaced {"by":"other","kind":"speedup","block":{"number":10,"hash":"y"},"finality":"depth","latency":"3s"}`)
}

func TestRow9ReplacementIsFinal(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3, Progress: source.Progress{Every: true}})
	w.sees(replacing("other", in(9, "x"), 9))
	w.sees(advanced(10))
	w.is(bus.StatusConfirming)
	w.sees(advanced(11))
	w.is(bus.StatusReplaced,
		`replaced {"by":"other","kind":"speedup","block":{"number":9,"hash":"x"},"finality":"depth","latency":"3s"}`)
}

func TestRow9NonceUsedUpForGood(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3})
	w.sees(source.Observation{Kind: source.Replaced, Head: 9})
	w.is(bus.StatusReplaced, `replaced {"by":"unknown","kind":"other","latency":"1s"}`)
}

func TestRow10FinalAndSuccessful(t *testing.T) {
	for finality, o := range map[source.Finality]source.Observation{
		source.Depth:     advanced(102),
		source.Safe:      {Kind: source.Advanced, Head: 102, Safe: 100},
		source.Finalized: {Kind: source.Advanced, Head: 102, Safe: 101, Finalized: 100},
	} {
		t.Run(finality.String(), func(t *testing.T) {
			w := begins(t, source.Policy{Confirmations: 3, Finality: finality, Progress: source.Progress{None: true}})
			w.sees(included(in(100, "a"), 101))
			early := o
			early.Head, early.Safe, early.Finalized = 101, min(o.Safe, 99), min(o.Finalized, 99)
			w.sees(early)
			w.is(bus.StatusConfirming)
			height := uint64(100)
			need := ""
			if finality == source.Depth {
				height, need = 102, `"need":3,`
			}
			w.wakes(height, finality)
			w.sees(o)
			w.is(bus.StatusConfirmed, `confirmed {"block":{"number":100,"hash":"a"},"have":3,`+need+`"finality":"`+
				finality.String()+`","latency":"3s","gas_used":"21000"}`)
			w.sees(advanced(103))
			w.unchanged()
		})
	}
}

func TestRow11FinalAndReverted(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 1})
	w.sees(included(reverted(100, "a"), 100))
	w.is(bus.StatusFailed,
		`included {"block":{"number":100,"hash":"a"},"index":0,"outcome":"failed","gas_used":"21000","have":1,"need":1}`,
		`failed {"block":{"number":100,"hash":"a"},"have":1,"need":1,"finality":"depth","latency":"1s","gas_used":"21000","reason":"out of luck"}`)
}

func TestRow12Forgotten(t *testing.T) {
	policy := source.Policy{Confirmations: 3, DropAfter: 64, DropMinAge: 30 * time.Minute, MissingChecks: 3}
	for name, c := range map[string]struct {
		first   []source.Observation
		head    uint64
		later   time.Duration
		dropped string
	}{
		"unseen":             {[]source.Observation{absent(10, 0, 1)}, 74, time.Hour, `dropped {"checks":4}`},
		"too few blocks":     {[]source.Observation{absent(10, 0, 1)}, 73, time.Hour, ""},
		"too young":          {[]source.Observation{absent(10, 0, 1)}, 500, 20 * time.Minute, ""},
		"missing":            {[]source.Observation{waits(10), absent(11, 0, 1), absent(11, 0, 1), absent(11, 0, 1)}, 75, time.Hour, `dropped {"last_seen":` + after(1) + `,"checks":6}`},
		"pending, not found": {[]source.Observation{waits(10)}, 500, time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := begins(t, policy)
			for _, o := range c.first {
				w.sees(o)
			}
			w.now = w.now.Add(c.later)
			w.sees(absent(20, 0, 1))
			w.sees(absent(21, 0, 1))
			if name == "unseen" && !w.last.Durable {
				t.Error("the first believed absence is not written")
			}
			w.sees(absent(c.head, 0, 1))
			switch {
			case c.dropped != "":
				w.is(bus.StatusDropped, c.dropped)
			case w.r.Phase() == bus.PhaseFinished:
				t.Errorf("finished as %s", w.r.Status())
			}
		})
	}
}

// TestRow12BlocksCountFromTheMissing: a record keeps the first sign of what waits for long, so that after a takeover a few looks in
// vain would drop what was there a moment before.
func TestRow12BlocksCountFromTheMissing(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3, DropAfter: 64, MissingChecks: 3})
	w.sees(waits(10))
	for range 3 {
		w.sees(absent(500, 0, 1))
	}
	for _, head := range []uint64{501, 563} {
		if w.sees(absent(head, 0, 1)); w.r.Status() != bus.StatusMissing {
			t.Fatalf("at %d it is %s", head, w.r.Status())
		}
	}
	if w.sees(absent(564, 0, 1)); w.r.Status() != bus.StatusDropped {
		t.Errorf("64 blocks after it went missing it is %s", w.r.Status())
	}
}

func TestRow13Timeout(t *testing.T) {
	for i, o := range []*source.Observation{nil, ptr(waits(9)), ptr(included(in(100, "a"), 100)), ptr(absent(9, 0, 1))} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			w := begins(t, source.Policy{Confirmations: 3})
			if o != nil {
				w.sees(*o)
			}
			last := w.r.Status()
			w.did(w.r.Expire(epoch.Add(time.Hour - 1)))
			w.unchanged()
			w.did(w.r.Expire(epoch.Add(time.Hour)))
			w.is(bus.StatusExpired, `expired {"last_status":"`+string(last)+`"}`)
			if !w.last.Terminal() {
				t.Error("not terminal")
			}
			w.did(w.r.Expire(epoch.Add(2 * time.Hour)))
			w.unchanged()
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestRow7MergedLooksCountAsManyAsTheyStandFor(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 3, MissingChecks: 3})
	w.sees(waits(5))
	w.sees(source.Observation{Kind: source.Absent, Head: 6, Endpoints: 2, Checks: 3, Asked: 0b11})
	if got := w.r.Status(); got != bus.StatusMissing {
		t.Errorf("status is %s after three looks at two endpoints, want missing", got)
	}
}
