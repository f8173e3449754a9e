package simulated

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/source"
)

func idsOf(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("txn_%d", i))
	}
	return ids
}

// stormy is a lively chain that takes blocks back often, up to the last one that is not final.
func stormy(seed uint64) Config {
	c := Lively(seed)
	c.ReorgShare, c.MaxReorgDepth, c.Confirmations = 0.3, 5, 6
	return c
}

// spread lets transactions be included over 40 blocks rather than all at once.
var spread = json.RawMessage(`{"after":40}`)

// untrue returns what the truth says of the ends that are none.
func (f *fleet) untrue() (errs []error) {
	for _, tr := range f.ended {
		if err := tr.truth.Check(tr.status, tr.block); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", tr.id, err))
		}
	}
	return errs
}

// check compares the ends of all trackers with the truth.
func (f *fleet) check() {
	f.Helper()
	for _, err := range f.untrue() {
		f.Error(err)
	}
	for _, tr := range f.ended {
		if b := tr.truth.Block; b != nil && (tr.block == nil || *b != *tr.block) {
			f.Errorf("%s: ended in block %+v, want %+v", tr.id, tr.block, b)
		}
	}
	for id, tr := range f.trackers {
		f.Errorf("%s: %s for ever, want %s", id, tr.status, tr.truth.Status)
	}
}

// run works for so many blocks and stops when all trackers have ended.
func (f *fleet) run(blocks int) {
	for range blocks {
		if len(f.trackers) == 0 {
			return
		}
		time.Sleep(f.src.config.BlockTime) // in a bubble: lets a block pass
		synctest.Wait()
		f.work()
		synctest.Wait()
		f.work()
	}
}

// statuses returns how many trackers ended with each status, and how many were reorganised.
func (f *fleet) statuses() map[string]int {
	n := map[string]int{}
	for _, tr := range f.ended {
		n[tr.status]++
		if tr.reorgs > 0 {
			n["reorged"]++
		}
	}
	return n
}

func TestTrackersEndAsTheTruthSays(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, stormy(seed), idsOf(500), spread)
			f.take(0)
			f.run(400)
			f.stop()
			f.check()
			got := f.statuses()
			t.Logf("seed %d: %v", seed, got)
			for _, status := range []string{"confirmed", "failed", "replaced", "dropped", "reorged"} {
				if got[status] == 0 {
					t.Errorf("seed %d: nothing was %s: %v", seed, status, got)
				}
			}
		})
	}
}

// A source that takes over knows only the records; what it observes leads to the same ends.
func TestTakeoverChangesNoEnd(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			c := stormy(seed)
			c.OutageEvery, c.OutageFor = time.Minute, 3*time.Second
			f := newFleet(t, c, idsOf(300), spread)
			random := rand.New(rand.NewPCG(seed, 1))
			f.take(0)
			for range 12 {
				f.run(1 + random.IntN(10))
				f.stop()
				since := f.src.Checkpoint().Height
				if random.IntN(2) == 0 {
					since = 0
				}
				time.Sleep(time.Duration(random.IntN(20)) * time.Second)
				f.take(since)
			}
			f.run(400)
			f.stop()
			f.check()
		})
	}
}

// The params' height fixes the block for every process, whenever the watch begins.
func TestHeightInParamsFixesTheBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		head := uint64(time.Now().Unix())
		f := newFleet(t, stormy(3), idsOf(300), json.RawMessage(fmt.Sprintf(`{"at":%d,"after":2,"drop_after":0}`, head+5)))
		f.take(0)
		f.run(8)
		f.stop()
		f.take(0)
		f.run(400)
		f.stop()
		f.check()
	})
}

func TestOutcomesInParams(t *testing.T) {
	for outcome, want := range map[string]string{
		"confirm": "confirmed", "revert": "failed", "drop": "dropped", "replace": "replaced", "reorg": "confirmed",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, Lively(9), idsOf(50), json.RawMessage(`{"outcome":"`+outcome+`","confirmations":8}`))
			f.take(0)
			f.run(2000)
			f.stop()
			f.check()
			got := f.statuses()
			if got[want] != 50 {
				t.Errorf("%s: ends %v, want 50 %s", outcome, got, want)
			}
			if outcome == "reorg" && got["reorged"] != 50 {
				t.Errorf("%d of 50 were reorganised", got["reorged"])
			}
		})
	}
}

// The truth is of use only if it catches trackers that are wrong.
func TestTruthCatchesMutants(t *testing.T) {
	for name, mutate := range map[string]func(*tracker){
		"a verdict one block early":        func(tr *tracker) { tr.early = 1 },
		"deaf to reorganisations":          func(tr *tracker) { tr.deaf = true },
		"a block that is not the last one": func(tr *tracker) { tr.early = 5 },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, stormy(3), idsOf(500), spread)
			for _, tr := range f.trackers {
				mutate(tr)
			}
			f.take(0)
			f.run(400)
			f.stop()
			n := len(f.untrue())
			t.Logf("%s: %d of %d caught", name, n, len(f.ended))
			if n == 0 {
				t.Errorf("%s: not caught", name)
			}
		})
	}
}

func TestTruthCheckRefuses(t *testing.T) {
	c := Lively(1)
	truth, err := TruthOf(c, "txn_1", json.RawMessage(`{"outcome":"confirm","at":1000}`))
	if err != nil {
		t.Fatal(err)
	}
	good := *truth.Block
	if err := truth.Check("confirmed", &good); err != nil {
		t.Errorf("the truth: %v", err)
	}
	if err := truth.Check("stopped", nil); err != nil {
		t.Errorf("stopped: %v", err)
	}
	below, other, beside := good, good, good
	below.Number = 997
	other.Hash = "0x00"
	beside.Number++
	beside.Hash = newChain(c.withDefaults()).hash(block{height: beside.Number})
	for name, b := range map[string]*source.BlockRef{"none": nil, "below": &below, "other hash": &other, "beside": &beside} {
		if err := truth.Check("confirmed", b); !errors.Is(err, ErrUntrue) {
			t.Errorf("block %s: %v, want ErrUntrue", name, err)
		}
	}
	for _, status := range []string{"failed", "dropped", "replaced", "pending", ""} {
		if err := truth.Check(status, &good); !errors.Is(err, ErrUntrue) {
			t.Errorf("status %q: %v, want ErrUntrue", status, err)
		}
	}
}
