package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// SpawnMany is Spawn for many, in bulk requests, a bounded number of them at a time. Reply i answers start i; what could
// not be started has its Error, and was asked for again as long as that was [ErrUnavailable] or [ErrOverloaded] and ctx
// allowed. The error is nil if every start was answered without one; otherwise it wraps the first and tells how many.
// Trackers come without labels, meta and result. If ctx has no deadline, each thousand starts has Timeout.
func (c *Client) SpawnMany(ctx context.Context, starts []StartRequest) ([]SpawnReply, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Timeout*time.Duration(1+len(starts)/MaxItems))
		defer cancel()
	}
	replies := make([]SpawnReply, len(starts))
	bodies := make([][]byte, len(starts))
	var open []int // indices of the starts without a final answer
	var encoder startEncoder
	for i, r := range starts {
		body, err := encoder.encode(r)
		if err != nil {
			replies[i] = failed(err)
			continue
		}
		bodies[i] = body
		open = append(open, i)
	}
	for n := 0; len(open) > 0; n++ {
		c.spawnAll(ctx, open, bodies, replies)
		left := open[:0]
		var last error
		for _, i := range open {
			if e := replies[i].Error; e != nil && judge(e) == again {
				left, last = append(left, i), e
			}
		}
		if open = left; len(open) == 0 {
			break
		}
		if pause, ok := c.pause(ctx, n, last); !ok || !sleep(ctx, pause) {
			break
		}
	}
	return replies, firstFailure(replies)
}

func failed(err error) SpawnReply { return SpawnReply{Status: SpawnError, Error: WireError(err)} }

// firstFailure sums up what went wrong.
func firstFailure(replies []SpawnReply) error {
	var first *Error
	count := 0
	for _, r := range replies {
		if r.Error == nil {
			continue
		}
		if count++; first == nil {
			first = r.Error
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("bus: %d of %d starts failed: %w", count, len(replies), first)
}

// spawnAll asks once for the starts in open.
func (c *Client) spawnAll(ctx context.Context, open []int, bodies [][]byte, replies []SpawnReply) {
	limit := int(min(c.nc.MaxPayload(), MaxBulkBytes)) - bulkHeadroomBytes
	slots := make(chan struct{}, c.cfg.Parallel)
	var wg sync.WaitGroup
	defer wg.Wait()
	for len(open) > 0 {
		chunk := make([][]byte, 0, min(len(open), MaxItems))
		for _, i := range open[:min(len(open), MaxItems)] {
			chunk = append(chunk, bodies[i])
		}
		n := packed(chunk, limit)
		indices := open[:n]
		open = open[n:]
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			c.spawnChunk(ctx, indices, chunk[:n], replies)
		})
	}
}

// bulkHeadroomBytes is left for {"items":[]} and headers.
const bulkHeadroomBytes = 4 << 10

// spawnChunk asks for one bulk and notes its answers at indices.
func (c *Client) spawnChunk(ctx context.Context, indices []int, chunk [][]byte, replies []SpawnReply) {
	var reply SpawnManyReply
	body := append([]byte(`{"items":[`), append(bytes.Join(chunk, []byte{','}), "]}"...)...)
	err := c.ask(ctx, route{public: SubjectSpawn, repeat: true, bulk: true}, body, &reply)
	if err == nil && len(reply.Items) != len(indices) {
		err = fmt.Errorf("%w: %d answers to %d starts", ErrInternal, len(reply.Items), len(indices))
	}
	for k, i := range indices {
		switch {
		case err != nil:
			replies[i] = failed(err)
		case reply.Items[k].Error == nil && reply.Items[k].Tracker == nil:
			replies[i] = failed(errors.Join(ErrInternal, errors.New("bus: empty answer")))
		default:
			replies[i] = reply.Items[k]
		}
	}
}
