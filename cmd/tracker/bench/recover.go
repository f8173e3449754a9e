package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"trackerfleet/bus"
)

const (
	// asked is how many trackers, spread over all, are asked until they answer again after a kill.
	asked = 512
	// attempt is how long one question may go unanswered, and askEvery the pause before the next.
	attempt, askEvery = 250 * time.Millisecond, 10 * time.Millisecond
	// recoveryLimit bounds a recovery.
	recoveryLimit = 10 * time.Minute
)

// recoverWorker kills the worker, has it started again, and measures when its trackers answer.
func (r *run) recoverWorker(ctx context.Context) error {
	answered := make(latencies, min(asked, len(r.ids)))
	err := r.kill(ctx, &r.Worker, func(ctx context.Context, killed time.Time) error {
		return flight(ctx, len(answered), asked, func(ctx context.Context, i int) error {
			id := r.ids[i*(len(r.ids)/len(answered))]
			err := insist(ctx, func(ctx context.Context) error {
				_, err := r.Fleet.Call(ctx, id, bus.OpPing)
				return err
			})
			answered[i] = time.Since(killed)
			return err
		})
	})
	if err == nil {
		_, err = r.settle(ctx, float64(len(r.ids)))
	}
	if err != nil {
		return fmt.Errorf("bench: recover the worker: %w", err)
	}
	r.result.RecoveryFirst, r.result.RecoveryHalf = answered.quantile(0)/1000, answered.quantile(0.5)/1000
	r.result.RecoveryAll = answered.quantile(1) / 1000
	r.result.Phases = append(r.result.Phases, Phase{"recover the worker", len(r.ids), r.result.RecoveryAll})
	return nil
}

// recoverServer kills the server, has it started again on its store, and measures when the fleet works again.
func (r *run) recoverServer(ctx context.Context) error {
	if r.Server == nil {
		return nil
	}
	extra, err := bus.ParseID(r.Plan.Prefix + "_after")
	if err != nil {
		return err
	}
	start := []bus.StartRequest{{TransactionID: extra, Params: r.Params}}
	var looked, started time.Duration
	err = r.kill(ctx, r.Server, func(ctx context.Context, killed time.Time) error {
		return flight(ctx, 2, 2, func(ctx context.Context, i int) error {
			if i == 0 {
				err := insist(ctx, r.freshLookup)
				looked = time.Since(killed)
				return err
			}
			err := insist(ctx, func(ctx context.Context) error {
				_, err := r.Fleet.SpawnMany(ctx, start)
				return err
			})
			started = time.Since(killed)
			return err
		})
	})
	if err == nil {
		_, err = r.Fleet.Stop(ctx, bus.StopRequest{TransactionID: extra, By: "bench"})
	}
	if err != nil {
		return fmt.Errorf("bench: recover the server: %w", err)
	}
	r.result.ServerRecoveryLookup, r.result.ServerRecoveryStart = looked.Seconds(), started.Seconds()
	r.result.Phases = append(r.result.Phases, Phase{"recover the server", 1, max(looked, started).Seconds()})
	return nil
}

// fresh is in the answer of a lookup that the tracker itself has given.
var fresh = []byte(`"stale":false`)

// freshLookup looks a tracker up, and fails unless itself has answered.
func (r *run) freshLookup(ctx context.Context) error {
	reply, err := r.Client.RequestWithContext(ctx, bus.SubjectLookup, []byte(r.ids[rand.IntN(len(r.ids))].String()))
	if err == nil && !(bytes.Contains(reply.Data, found) && bytes.Contains(reply.Data, fresh)) {
		err = fmt.Errorf("answered with %.200s", reply.Data)
	}
	return err
}

// kill kills p, has it started again, and calls await with the time of the kill meanwhile. It returns when both are done.
func (r *run) kill(ctx context.Context, p *Process, await func(ctx context.Context, killed time.Time) error) error {
	ctx, cancel := context.WithTimeout(ctx, recoveryLimit)
	defer cancel()
	r.Report(Progress{"recover", 0, 1})
	killed := time.Now()
	if err := p.Kill(); err != nil {
		return err
	}
	return flight(ctx, 2, 2, func(ctx context.Context, i int) (err error) {
		if i == 0 {
			return await(ctx, killed)
		}
		p.Meter, err = p.Again(ctx)
		return err
	})
}

// insist calls do until it succeeds or ctx ends; then it fails with both reasons.
func insist(ctx context.Context, do func(context.Context) error) error {
	for {
		one, cancel := context.WithTimeout(ctx, attempt)
		err := do(one)
		cancel()
		if err == nil {
			return nil
		}
		if over := pause(ctx, askEvery); over != nil {
			return errors.Join(over, err)
		}
	}
}
