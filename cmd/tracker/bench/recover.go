package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"trackerfleet/bus"
)

const (
	// firsts is how many trackers, spread over all, are asked until one answers after a kill; asked is how many must answer when all run.
	// Questions to those that are not there yet are work for the worker: few are asked.
	firsts, asked = 4, 512
	// attempt is how long one question may go unanswered, and askEvery the pause before the next.
	attempt, askEvery = 250 * time.Millisecond, 20 * time.Millisecond
	// countEvery is how often is looked how many trackers run again.
	countEvery = 50 * time.Millisecond
	// recoveryLimit bounds a recovery.
	recoveryLimit = 10 * time.Minute
)

// recoverWorker kills the worker, has it started again, and measures when its trackers run again.
func (r *run) recoverWorker(ctx context.Context) error {
	var first, half, all time.Duration
	err := r.kill(ctx, &r.Worker, func(ctx context.Context, killed time.Time) error {
		return flight(ctx, 2, 2, func(ctx context.Context, i int) (err error) {
			if i == 0 {
				err = r.pings(ctx, firsts, func() { first = time.Since(killed) })
				return err
			}
			if half, err = r.loaded(ctx, killed, (len(r.ids)+1)/2); err == nil {
				all, err = r.running(ctx, killed, len(r.ids))
			}
			return err
		})
	})
	if err == nil {
		err = r.pings(ctx, asked, nil)
	}
	if err != nil {
		return fmt.Errorf("bench: recover the worker: %w", err)
	}
	r.result.RecoveryFirst, r.result.RecoveryHalf, r.result.RecoveryAll = first.Seconds(), half.Seconds(), all.Seconds()
	r.result.Phases = append(r.result.Phases, phase("recover the worker", len(r.ids), all))
	return nil
}

// pings asks n trackers, spread over all, until each has answered, and calls first when one has.
func (r *run) pings(ctx context.Context, n int, first func()) error {
	n = min(n, len(r.ids))
	var once sync.Once
	return flight(ctx, n, n, func(ctx context.Context, i int) error {
		err := insist(ctx, func(ctx context.Context) error {
			_, err := r.Fleet.Call(ctx, r.ids[i*(len(r.ids)/n)], bus.OpPing)
			return err
		})
		if err == nil && first != nil {
			once.Do(first)
		}
		return err
	})
}

// running waits until n trackers run in the worker, and returns how long that was after it was killed. Nobody serves metrics for a while.
func (r *run) running(ctx context.Context, killed time.Time, n int) (time.Duration, error) {
	for {
		now, unread := r.read(ctx)
		took := time.Since(killed)
		if unread == nil && now.running >= float64(n) {
			return took, nil
		}
		r.Report(Progress{"recover", int(now.running), len(r.ids)})
		if err := pause(ctx, countEvery); err != nil {
			return took, errors.Join(err, unread)
		}
	}
}

// loaded waits until the worker says, in its heartbeats, that it has n trackers: it serves no metrics before all are there, and to ask it
// would be work for it.
func (r *run) loaded(ctx context.Context, killed time.Time, n int) (time.Duration, error) {
	beats, err := r.Client.SubscribeSync(bus.SubjectHeartbeats)
	if err != nil {
		return 0, err
	}
	defer beats.Unsubscribe()
	for {
		beat, err := beats.NextMsgWithContext(ctx)
		if err != nil {
			return 0, err
		}
		there, err := heldBy(beat.Data)
		if err != nil || there >= n {
			return time.Since(killed), err
		}
		r.Report(Progress{"recover", there, len(r.ids)})
	}
}

// heldBy returns how many trackers a worker says that it has in a heartbeat.
func heldBy(beat []byte) (int, error) {
	var h struct {
		Load struct{ Trackers *int }
	}
	if err := json.Unmarshal(beat, &h); err != nil {
		return 0, fmt.Errorf("heartbeat: %w", err)
	}
	if h.Load.Trackers == nil {
		return 0, fmt.Errorf("heartbeat %s does not say how many trackers there are", beat)
	}
	return *h.Load.Trackers, nil
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
	start := []bus.StartRequest{{TransactionID: extra, Params: r.Reference.Params(extra)}}
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
	killed := time.Now()
	if err := p.Kill(); err != nil {
		return err
	}
	return flight(ctx, 2, 2, func(ctx context.Context, i int) error {
		if i == 0 {
			return await(ctx, killed)
		}
		return p.Again(ctx)
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
