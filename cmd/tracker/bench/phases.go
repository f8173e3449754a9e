package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

const (
	// chunk is how many starts are asked for between two reports.
	chunk = 20_000
	// endings is how many trackers are being ended at one time: each waits for the journal, which takes many at once.
	endings = 1024
	// parts is how many turns starts and bare batches take, and lookups and bare requests: they have the machine in the same moods.
	parts = 4
)

// start starts all trackers, in turns with bare batches of the messages that this takes.
func (r *run) start(ctx context.Context) (err error) {
	if r.before, err = r.settle(ctx, 0); err != nil {
		return err
	}
	if r.server, err = r.serverRSS(ctx); err != nil {
		return err
	}
	stream, err := r.stream(ctx)
	if err != nil {
		return err
	}
	stored := stream.CachedInfo().State.Bytes
	var took time.Duration
	var bare *bareBatches
	for part := range parts {
		began := time.Now()
		if err := r.spawn(ctx, part*len(r.ids)/parts, (part+1)*len(r.ids)/parts); err != nil {
			return err
		}
		took += time.Since(began)
		if bare == nil {
			if bare, err = newBareBatches(ctx, r.Client, stream, r.ids[0]); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, bare.close(ctx)) }()
		}
		r.Report(Progress{"bare batches", part, parts})
		if err := bare.publish(ctx, batchCount); err != nil {
			return err
		}
	}
	return r.started(ctx, stream, stored, phase("start", len(r.ids), took), bare.phase())
}

// started notes how fast all trackers were started, and the batches beside them.
func (r *run) started(ctx context.Context, stream jetstream.Stream, stored uint64, starts, bare Phase) error {
	r.result.Phases = append(r.result.Phases, starts, bare)
	r.result.StartsPerSecond, r.result.Ceilings.BatchPerSecond = starts.rate(), bare.rate()
	now, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.journal(r.before, now, time.Duration(starts.Seconds*float64(time.Second)))
	info, err := stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("bench: stream %s: %w", bus.StreamTracker, err)
	}
	r.result.StoreBytesPerTracker = float64(info.State.Bytes-stored) / float64(len(r.ids))
	return nil
}

// spawn starts the trackers from one to before another.
func (r *run) spawn(ctx context.Context, from, to int) error {
	for ; from < to; from += chunk {
		r.Report(Progress{"start", from, len(r.ids)})
		starts := make([]bus.StartRequest, min(chunk, to-from))
		for i := range starts {
			id := r.ids[from+i]
			starts[i] = bus.StartRequest{TransactionID: id, Params: r.Reference.Params(id)}
		}
		if _, err := r.Fleet.SpawnMany(ctx, starts); err != nil {
			return fmt.Errorf("bench: start: %w", err)
		}
	}
	return nil
}

// lookUp looks trackers up, in turns with bare requests of the same sizes.
func (r *run) lookUp(ctx context.Context) error {
	answer, err := r.Client.Request(bus.SubjectLookup, []byte(r.ids[0].String()), requestLimit)
	if err != nil {
		return fmt.Errorf("bench: look up: %w", err)
	}
	var bare, looked Phase
	var took latencies
	for part := range parts {
		r.Report(Progress{"look up", part, parts})
		one, err := requests(ctx, r.Client, []byte(r.ids[0].String()), answer.Data, r.Plan.Lookups/parts)
		if err != nil {
			return err
		}
		bare.Count, bare.Seconds = bare.Count+one.Count, bare.Seconds+one.Seconds
		one, times, err := r.lookUps(ctx, r.Plan.Lookups/parts)
		if err != nil {
			return err
		}
		looked.Count, looked.Seconds, took = looked.Count+one.Count, looked.Seconds+one.Seconds, append(took, times...)
	}
	bare.Name, looked.Name = "bare requests", "look up"
	r.result.Phases = append(r.result.Phases, bare, looked)
	r.result.Ceilings.RequestsPerSecond, r.result.LookupsPerSecond = bare.rate(), looked.rate()
	r.result.LookupP50MS, r.result.LookupP99MS = took.quantile(0.5), took.quantile(0.99)
	return nil
}

// lookUps looks trackers up in no order, for a time.
func (r *run) lookUps(ctx context.Context, length time.Duration) (Phase, latencies, error) {
	var mu sync.Mutex
	var took latencies
	p, err := timed(ctx, "look up", length, func(ctx context.Context) error {
		asked := time.Now()
		reply, err := r.Client.RequestWithContext(ctx, bus.SubjectLookup, []byte(r.ids[rand.IntN(len(r.ids))].String()))
		if err != nil {
			return err
		}
		if !bytes.Contains(reply.Data, found) {
			return fmt.Errorf("answered with %.200s", reply.Data)
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(asked))
		return nil
	})
	return p, took, err
}

// found is in the answer of a lookup that found its tracker.
var found = []byte(`"status":"found"`)

// crash crashes trackers and waits until all of them run again.
func (r *run) crash(ctx context.Context) error {
	n := r.Plan.crashes()
	if n == 0 {
		return nil
	}
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	err = flight(ctx, n, InFlight, func(ctx context.Context, i int) error {
		if i%chunk == 0 {
			r.Report(Progress{"crash", i, n})
		}
		if _, err := r.Fleet.Call(ctx, r.ids[i*(len(r.ids)/n)], bus.OpCrash); !errors.Is(err, bus.ErrCrashed) {
			return fmt.Errorf("bench: crash: answered with %v", err)
		}
		return nil
	})
	for err == nil {
		var now state
		if now, err = r.read(ctx); err == nil && now.restarts-before.restarts >= float64(n) {
			break
		}
		err = errors.Join(err, pause(ctx, settleEvery/10))
	}
	if err != nil {
		return err
	}
	p := phase("crash", n, time.Since(began))
	r.result.Phases = append(r.result.Phases, p)
	r.result.RestartsPerSecond = p.rate()
	return nil
}

// finish stops all trackers.
func (r *run) finish(ctx context.Context) error {
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	err = flight(ctx, len(r.ids), endings, func(ctx context.Context, i int) error {
		if i%chunk == 0 {
			r.Report(Progress{"finish", i, len(r.ids)})
		}
		_, err := r.Fleet.Stop(ctx, bus.StopRequest{TransactionID: r.ids[i], By: "bench"})
		return err
	})
	if err != nil {
		return fmt.Errorf("bench: finish: %w", err)
	}
	p := phase("finish", len(r.ids), time.Since(began))
	after, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.journal(before, after, time.Since(began))
	r.result.Phases = append(r.result.Phases, p)
	r.result.FinalsPerSecond = p.rate()
	return nil
}

// pause returns after d, or fails with the cause of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
