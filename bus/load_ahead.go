package bus

import (
	"context"
	"slices"
	"sync"
)

// askers is how many questions are under way at one time, so that one is answered while the answer to another is read and used.
const askers = 2

// answered is one answer, or how an asker has ended.
type answered struct {
	records []*Record
	ended   bool
	err     error // why; nil: it has asked for everything
}

// loadPartitions divides partitions among askers and yields what they bring, in the goroutine of its caller.
func (r *Records) loadPartitions(ctx context.Context, held []Holding, yield func(*Record) bool) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answered)
	tell := func(a answered) bool {
		select {
		case answers <- a:
			return true
		case <-ctx.Done():
			return false
		}
	}
	open := 0
	for share := range slices.Chunk(held, max(1, (len(held)+askers-1)/askers)) {
		open++
		asking.Go(func() {
			err := r.askPartitions(ctx, share, func(records []*Record) bool { return tell(answered{records: records}) })
			tell(answered{ended: true, err: err})
		})
	}
	for open > 0 {
		var a answered
		select {
		case a = <-answers:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		switch {
		case a.err != nil:
			return a.err
		case a.ended:
			open--
		}
		for _, rec := range a.records {
			if !yield(rec) {
				return errEnough
			}
		}
	}
	return nil
}
