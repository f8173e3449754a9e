package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// pumpWindow is how many starts the pump has under way at once; more wait in the stream.
const pumpWindow = 8192

// pumpPartition is the partition whose owner is the pump.
const pumpPartition = 0

// cursorEvery is how often the cursor is written while it moves; purgeEvery how often what lies behind it is purged.
const (
	cursorEvery = time.Second
	purgeEvery  = time.Minute
)

// pumpAhead is how many starts the server sends ahead of the pump.
const pumpAhead = 1000

// pumpRetry is the pause before a start is tried again whose owner could not take it.
const pumpRetry = 100 * time.Millisecond

// cursor is the record of [bus.CursorStarts].
type cursor struct {
	Sequence uint64 `json:"sequence"` // of the start stream: it and all before are stored as records or as rejected
	// Created tells the stream from one that was made in its place and counts from 1 again.
	Created time.Time `json:"created,omitzero"`
}

// pumpState is what the pump tells of itself.
type pumpState struct {
	window atomic.Pointer[window] // of the newest pumping; nil: there was none
	cursor atomic.Uint64
	last   atomic.Uint64 // newest sequence of the start stream that was seen
	oldest atomic.Int64  // Unix nanoseconds of the oldest start under way; 0: none
}

// runPump moves starts from the stream to the owners of their partitions while this worker owns the pump's partition.
func (w *Worker) runPump(ctx context.Context) error {
	part := w.partitions[pumpPartition]
	for {
		if tenure := part.tenure(); part.owned() && part.is(serving) && !w.isFrozen() && w.ground.trouble() == nil {
			if err := w.pumpTenure(ctx, tenure); err != nil && ctx.Err() == nil {
				w.log.Warn("pump", zap.Error(err))
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pumpRetry):
		}
	}
}

// pumpTenure pumps until the partition is given up.
func (w *Worker) pumpTenure(ctx context.Context, t tenure) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at, seen, err := w.readCursor(ctx)
	if err != nil {
		return err
	}
	feed, err := bus.OpenFeed(ctx, w.js, bus.StreamStarts, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: at.Sequence + 1,
	}, pumpAhead)
	if err != nil {
		return fmt.Errorf("workers: pump starts: %w", err)
	}
	defer feed.Stop()
	win := newWindow(at.Sequence, pumpWindow)
	win.created, win.tenure = at.Created, t
	w.pump.window.Store(win)
	win.sight(seen)
	w.pump.cursor.Store(at.Sequence)
	w.log.Info("pumping starts", zap.Uint64("cursor", at.Sequence))
	var side sync.WaitGroup
	defer side.Wait()
	defer cancel()
	side.Go(func() { w.keepCursor(ctx, cancel, t, win) })
	return w.pumpMessages(ctx, feed, win)
}

// readCursor returns where to go on. A stream that was made anew, or is shorter than the cursor, is read from its beginning,
// which is harmless.
func (w *Worker) readCursor(ctx context.Context) (at cursor, seen sighting, err error) {
	stored, err := w.records.Get(ctx, bus.CursorStarts)
	if err != nil {
		return at, seen, err
	}
	if stored != nil {
		if err := json.Unmarshal(stored.Data, &at); err != nil {
			return at, seen, fmt.Errorf("workers: cursor of starts: %w", err)
		}
	}
	info, err := w.startStream(ctx)
	if err != nil {
		return at, seen, err
	}
	if last := info.State.LastSeq; last < at.Sequence || !at.Created.IsZero() && !at.Created.Equal(info.Created) {
		w.log.Error("the start stream is not the one that the cursor belongs to, reading it from its beginning",
			zap.Uint64("cursor", at.Sequence), zap.Uint64("last", last))
		at.Sequence = 0
	}
	at.Created = info.Created
	return at, sightingOf(info), nil
}

// startStream returns the start stream as it is now.
func (w *Worker) startStream(ctx context.Context) (*jetstream.StreamInfo, error) {
	stream, err := w.js.Stream(ctx, bus.StreamStarts)
	if err != nil {
		return nil, fmt.Errorf("workers: stream %s: %w", bus.StreamStarts, err)
	}
	return stream.CachedInfo(), nil
}

// pumpMessages gives the starts of a feed to their owners until ctx or the feed ends. A full window is waited for.
func (w *Worker) pumpMessages(ctx context.Context, feed *bus.Feed, win *window) error {
	for {
		m, meta, err := feed.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("workers: next start: %w", err)
		}
		sequence, now := meta.Sequence.Stream, time.Now()
		w.pump.last.Store(sequence + meta.NumPending)
		accepted := w.clock.ago(now, win.waited(sequence, meta.Timestamp, now))
		if !win.enter(ctx, sequence, accepted.date) {
			return context.Cause(ctx)
		}
		w.pumpOne(ctx, m, meta, accepted, win)
	}
}

// pumpOne sees one start through; it leaves the window once its outcome is stored.
func (w *Worker) pumpOne(ctx context.Context, m jetstream.Msg, meta *jetstream.MsgMetadata, accepted moment, win *window) {
	done := func() { win.leave(meta.Sequence.Stream) }
	start, err := bus.DecodeStart(m.Subject(), m.Data())
	if err != nil {
		w.tasks.run(func() { w.reject(ctx, m, meta, err, done) })
		return
	}
	r := startRequest{
		StartRequest: start, trace: bus.TraceOf(m.Headers()), accepted: accepted,
		origin: tracker.Origin{Stream: win.created, Sequence: meta.Sequence.Stream},
	}
	r.reply = func(_ bus.SpawnReply, err error) {
		switch {
		case err == nil, errors.Is(err, bus.ErrExists):
			done()
		case passes(err):
			w.retryStart(ctx, r)
		default:
			w.tasks.run(func() { w.reject(ctx, m, meta, err, done) })
		}
	}
	w.routeStart(ctx, r)
}

// passes reports whether err is of the kind that goes away by itself.
func passes(err error) bool {
	switch bus.CodeOf(err) {
	case bus.CodeUnavailable, bus.CodeOverloaded, bus.CodeTimeout:
		return true
	}
	return false
}

// routeStart gives a start to the owner of its partition, here or elsewhere.
func (w *Worker) routeStart(ctx context.Context, r startRequest) {
	if p := r.TransactionID.Partition(); w.partitions[p].owned() {
		w.start(ctx, r)
		return
	}
	w.tasks.run(func() { r.reply(w.forwardStart(ctx, r)) })
}

// forwardStart asks another worker, the owner, to start.
func (w *Worker) forwardStart(ctx context.Context, r startRequest) (bus.SpawnReply, error) {
	body, err := bus.Encode(r.StartRequest)
	if err != nil {
		return bus.SpawnReply{}, err
	}
	m := nats.NewMsg(bus.RequestSubject(r.TransactionID.Partition(), "spawn", r.TransactionID.Token()))
	m.Data = body
	r.trace.Put(m.Header)
	r.putOrigin(m.Header)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := w.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return bus.SpawnReply{}, fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	}
	var reply bus.SpawnReply
	return reply, bus.ReadReply(answer, &reply)
}

func (w *Worker) retryStart(ctx context.Context, r startRequest) {
	w.tasks.run(func() {
		select {
		case <-ctx.Done():
		case <-time.After(pumpRetry):
			w.routeStart(ctx, r)
		}
	})
}

// keepCursor writes the cursor while it moves and purges behind it, until ctx ends, or the tenure does, or the stream is another
// one; then it ends the pump.
func (w *Worker) keepCursor(ctx context.Context, stop context.CancelFunc, t tenure, win *window) {
	defer stop()
	ticker := time.NewTicker(cursorEvery)
	defer ticker.Stop()
	written, purged := win.low(), time.Now()
	for {
		select {
		case <-ctx.Done():
			w.writeCursor(&written, win)
			return
		case <-ticker.C:
		}
		if !w.partitions[pumpPartition].keeps(t) {
			return
		}
		info, err := w.startStream(ctx)
		if err == nil {
			if !info.Created.Equal(win.created) {
				return
			}
			win.sight(sightingOf(info))
		}
		w.pump.oldest.Store(win.oldest())
		w.writeCursor(&written, win)
		// Where room is short it must not wait for its time.
		if time.Since(purged) >= purgeEvery || err == nil && bus.Crowded(info) || w.storeTrouble() != nil {
			purged = time.Now()
			w.purgeStarts(ctx, written)
		}
	}
}

// writeCursor has the journal store the cursor if it has moved.
func (w *Worker) writeCursor(written *uint64, win *window) {
	low := win.low()
	if low == *written || w.isFrozen() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), cursorEvery)
	defer cancel()
	if w.submitCursor(ctx, low, win, func(bus.Result) {}) == nil {
		*written = low
	}
}

func (w *Worker) submitCursor(ctx context.Context, low uint64, win *window, done func(bus.Result)) error {
	body, err := json.Marshal(cursor{Sequence: low, Created: win.created})
	if err != nil {
		return err
	}
	return w.journal.Submit(ctx, bus.Write{
		Partition: pumpPartition, Epoch: w.partitions[pumpPartition].epoch.Load(), Unconditional: true,
		State: bus.Message{Subject: bus.CursorStarts, Data: body},
		Done: func(r bus.Result) {
			if r.Err == nil {
				w.pump.cursor.Store(low)
			}
			done(r)
		},
	})
}

// purgeStarts forgets starts up to a sequence that a stored cursor covers.
func (w *Worker) purgeStarts(ctx context.Context, sequence uint64) {
	sequence = min(sequence, w.pump.cursor.Load())
	if sequence == 0 {
		return
	}
	stream, err := w.js.Stream(ctx, bus.StreamStarts)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSequence(sequence+1))
	}
	if err != nil && ctx.Err() == nil {
		w.log.Warn("purge starts", zap.Error(err))
	}
}
