package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// TestRacersOverWorkersGetOneTracker starts each of some IDs from 64 racers at once, half of them by publishing and half by asking
// whichever worker answers, while partitions move to a worker that joins; then everything once more, in another order. Each ID has one
// tracker, one racer at most is told that it made it, and a start that comes again changes nothing.
func TestRacersOverWorkersGetOneTracker(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newLeased(t, "w-1", "w-2")
	l := newLoad(f.client, "race")
	const ids, racers = 12, 64
	third := process.LaunchWorker(t, f.leasedConfig("w-3"))
	answers := make([]map[string]int, ids)
	for i := range ids {
		answers[i] = l.race(t, fmt.Sprintf("race_%d", i), racers)
	}
	third.AwaitReady(t)
	f.workers = append(f.workers, third)
	f.awaitShared(t, f.workers...)
	created := 0
	for i, got := range answers {
		if created += got["created"]; got["created"] > 1 {
			t.Errorf("racers for ID %d were answered %v", i, got)
		}
	}
	for _, i := range rand.Perm(ids) {
		id := fmt.Sprintf("race_%d", i)
		before := f.want(t, "found", "lookup", id).Tracker
		got := l.race(t, id, racers)
		if got["created"] > 0 {
			t.Errorf("starts of %s that came again were answered %v", id, got)
		}
		if after := f.want(t, "found", "lookup", id).Tracker; after.Run != 1 || after.Events < before.Events {
			t.Errorf("%s was %+v and is %+v", id, before, after)
		}
	}
	t.Log(l.judge(t, map[string]int{"created": created, "move": int(metric(t, third, "partition_moves_total"))}))
}

// race starts one ID from n racers at once and counts what they were told.
func (l *load) race(t *testing.T, id string, n int) map[string]int {
	body := fmt.Sprintf(`{"transaction_id":%q,"params":{"outcome":"confirm","confirmations":20}}`, id)
	l.expect(id, `{"outcome":"confirm","confirmations":20}`)
	var mu sync.Mutex
	told := make(map[string]int)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var (
				r   reply
				err error
			)
			if r.Status = "published"; i%2 == 0 {
				err = l.client.publish(ctx, "tracker.start", body)
			} else if r, err = l.client.try(ctx, "spawn", body); r.Status == "error" {
				err = fmt.Errorf("%s", r.Error.Code)
			}
			l.note(checker.Start{ID: id, Run: 1}, err)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.Status = err.Error()
			}
			told[r.Status]++
		})
	}
	all.Wait()
	return told
}
