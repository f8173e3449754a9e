package memory

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// lookEvery is how often the heap is looked at.
const lookEvery = time.Second

// Keeper keeps the memory of the whole process. Start it once, and Stop it once it has started.
type Keeper struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
	limit  int64 // before Start
}

// Start tells the collector how much the process may have, unless GOMEMLIMIT is set, and begins to set its pace, unless GOGC is. It
// does not block.
func (k *Keeper) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel, k.limit = cancel, debug.SetMemoryLimit(-1)
	if most, ok := processLimit(os.DirFS("/")); ok && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(limitShare * float64(most)))
	}
	if os.Getenv("GOGC") != "" {
		return nil
	}
	before := currentPercent()
	if before < 0 {
		return nil // the collector is off
	}
	k.ended.Go(func() {
		defer debug.SetGCPercent(before)
		keep(ctx, pace{cpus: runtime.GOMAXPROCS(0), most: before, percent: before})
	})
	return nil
}

// Stop leaves the collector as it was before Start.
func (k *Keeper) Stop(context.Context) error {
	k.cancel()
	k.ended.Wait()
	debug.SetMemoryLimit(k.limit)
	return nil
}

func keep(ctx context.Context, p pace) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			before := p.percent
			percent, giveBack := p.look(now, readHeap())
			if percent != before {
				debug.SetGCPercent(percent)
			}
			if giveBack {
				debug.FreeOSMemory()
			}
		}
	}
}

func readHeap() heap {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	h := heap{allocated: samples[0].Value.Uint64(), live: samples[1].Value.Uint64()}
	for _, s := range samples[2:] {
		h.held += s.Value.Uint64()
	}
	return h
}

func currentPercent() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(int64(sample[0].Value.Uint64()))
}
