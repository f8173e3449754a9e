package sourcetest

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync"

	"trackerfleet/workers/source"
)

// perBlock is how many transactions the suite puts into a block when it needs many.
const perBlock = 200

// measured is how many blocks the calls to the outside are counted over.
const measured = 10

// manyConfirming watches n transactions and returns when all of them were observed in a block.
func (r *rig) manyConfirming(n int) {
	for n > 0 {
		txs := make([]Transaction, min(n, perBlock))
		watchers := make([]*watcher, len(txs))
		for i := range txs {
			txs[i] = r.NewTransaction(r, false)
			watchers[i] = r.watch(txs[i], source.Hint{})
		}
		block := r.Mine(r, txs...)
		for _, w := range watchers {
			w.included(block, true)
			w.Wake(source.Wake{Height: block.Number + 1_000_000})
		}
		n -= len(txs)
	}
}

// callsPerBlocks returns the calls to the outside while blocks are mined one by one.
func (r *rig) callsPerBlocks() uint64 {
	r.settle(r.mineEmpty(1))
	before := calls(r.src.Health())
	for range measured {
		r.settle(r.mineEmpty(1))
	}
	return calls(r.src.Health()) - before
}

func calls(h source.Health) (sum uint64) {
	for _, n := range h.Calls {
		sum += n
	}
	return sum
}

func callsIndependent(r *rig) {
	r.manyConfirming(10)
	few, fewGoroutines := r.callsPerBlocks(), runtime.NumGoroutine()
	r.manyConfirming(r.Many() - 10)
	many, manyGoroutines := r.callsPerBlocks(), runtime.NumGoroutine()
	r.Logf("%d blocks: %d calls for 10 watches, %d for %d", measured, few, many, r.Many())
	if few == 0 {
		r.Fatalf("%d blocks were followed without a call", measured)
	}
	if many > 2*few+measured {
		r.Errorf("%d calls for 10 watches, %d for %d", few, many, r.Many())
	}
	if manyGoroutines > fewGoroutines+50 {
		r.Errorf("%d goroutines for 10 watches, %d for %d", fewGoroutines, manyGoroutines, r.Many())
	}
	if n := r.src.Health().Watched; n != r.Many() {
		r.Errorf("%d watched, want %d", n, r.Many())
	}
}

func manyGoroutines(r *rig) {
	const goroutines, rounds = 8, 20
	txs := make([]Transaction, goroutines)
	for i := range txs {
		txs[i] = r.NewTransaction(r, false)
	}
	var all sync.WaitGroup
	for _, tx := range txs {
		target, err := r.src.Parse(tx.ID, tx.Params)
		if err != nil {
			r.Fatal(err)
		}
		all.Go(func() { r.useAlot(tx, target, rounds) })
	}
	for i := range 5 {
		r.Mine(r, txs[i])
	}
	all.Wait()
	r.until("nothing watched", func() bool { return r.src.Health().Watched == 0 })
	w, _, _ := r.confirming()
	w.Close()
}

// useAlot does everything that can be done with a watch, again and again.
func (r *rig) useAlot(tx Transaction, target source.Target, rounds int) {
	for i := range rounds {
		w := newWatcher(r, tx.ID)
		w.Handle = r.src.Watch(target, source.Hint{}, w)
		w.Wake(source.Wake{Height: uint64(i)})
		w.Refresh()
		w.Checks()
		r.src.Health()
		r.src.Checkpoint()
		w.Close()
		if n := w.lateObservations(); n > 0 {
			r.Errorf("%d observations after Close", n)
		}
	}
}

func badParams(r *rig) {
	for _, params := range []string{`{`, `[]`, `"x"`, `1`, `{"no_such_field":1}`, `{"confirmations":-1}`, "\x00", strings.Repeat(`{"a":`, 5000)} {
		_, err := r.src.Parse("txn_1", json.RawMessage(params))
		var faults *source.ParamsError
		if !errors.As(err, &faults) || len(faults.Faults) == 0 {
			r.Errorf("Parse of %.40q: %v, want a ParamsError", params, err)
			continue
		}
		for _, f := range faults.Faults {
			if !strings.HasPrefix(f.Field, "params") || f.Message == "" {
				r.Errorf("Parse of %.40q: fault %+v", params, f)
			}
		}
	}
}
