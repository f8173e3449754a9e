package workers

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// backlog hands items to goroutines of its own, in the order of add when there is one goroutine. add never blocks: what is
// added is bounded by something else, such as one item per cell.
type backlog[T any] struct {
	mu    sync.Mutex
	items []T
	kick  chan struct{} // as many as there are goroutines
}

func newBacklog[T any](goroutines int) *backlog[T] {
	return &backlog[T]{kick: make(chan struct{}, goroutines)}
}

func (b *backlog[T]) add(item T) {
	b.mu.Lock()
	b.items = append(b.items, item)
	b.mu.Unlock()
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// run handles items until ctx ends, and those that are left by then with the ended ctx.
func (b *backlog[T]) run(ctx context.Context, handle func(context.Context, T)) {
	var wg sync.WaitGroup
	for range cap(b.kick) {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-b.kick:
				}
				for ctx.Err() == nil {
					item, ok := b.next()
					if !ok {
						break
					}
					handle(ctx, item)
				}
			}
		})
	}
	wg.Wait()
	for {
		item, ok := b.next()
		if !ok {
			return
		}
		handle(ctx, item)
	}
}

func (b *backlog[T]) next() (item T, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.items) == 0 {
		b.items = nil
		return item, false
	}
	item = b.items[0]
	var zero T
	b.items[0] = zero
	b.items = b.items[1:]
	return item, true
}

// pending collects items, each once, until somebody takes them all, in no order.
type pending[T comparable] struct {
	mu    sync.Mutex
	items map[T]struct{}
}

func (p *pending[T]) add(item T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.items == nil {
		p.items = make(map[T]struct{})
	}
	p.items[item] = struct{}{}
}

func (p *pending[T]) takeAll() []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	items := slices.Collect(maps.Keys(p.items))
	p.items = nil
	return items
}
