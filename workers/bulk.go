package workers

import (
	"context"
	"sync"

	"trackerfleet/bus"
)

// bulk collects the answers to the starts of one request. Whoever waits for all of them is woken once.
type bulk struct {
	mu       sync.Mutex
	replies  []bus.SpawnReply // one without a status is not answered yet
	open     int
	answered chan struct{} // closed when all are
}

func newBulk(starts int) *bulk {
	return &bulk{replies: make([]bus.SpawnReply, starts), open: starts, answered: make(chan struct{})}
}

// answer settles start i, unless that has been done.
func (b *bulk) answer(i int, reply bus.SpawnReply, err error) {
	if err != nil {
		reply = spawnError(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.replies[i].Status != "" {
		return
	}
	b.replies[i] = reply
	if b.open--; b.open == 0 {
		close(b.answered)
	}
}

// wait returns the answers once all are there or ctx ends: then late is the answer to the others.
func (b *bulk) wait(ctx context.Context, late func() error) []bus.SpawnReply {
	select {
	case <-b.answered:
	case <-ctx.Done():
		err := late()
		for i := range b.replies {
			b.answer(i, bus.SpawnReply{}, err)
		}
	}
	return b.replies
}
