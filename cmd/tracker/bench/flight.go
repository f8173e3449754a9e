package bench

import (
	"context"
	"sync"
	"sync/atomic"
)

// InFlight is how many requests that are answered from memory are under way at one time.
const InFlight = 64

// flight runs do for 0 to n-1, several at a time, until all are done, ctx ends, or one fails; then it returns why.
func flight(ctx context.Context, n, atOnce int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(atOnce, n) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
