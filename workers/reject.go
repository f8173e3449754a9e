package workers

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"trackerfleet/bus"
)

// reject keeps a start message that no tracker can be made of, with everything that is wrong with it, and calls done when
// it is stored. It tries until then or until ctx ends.
func (w *Worker) reject(ctx context.Context, m jetstream.Msg, meta *jetstream.MsgMetadata, cause error, done func()) {
	out, err := bus.Rejected{
		Error: bus.WireError(cause), Subject: m.Subject(), Sequence: meta.Sequence.Stream, At: meta.Timestamp.UTC(),
		Headers: m.Headers(), Body: m.Data(),
	}.Message(w.nc.MaxPayload())
	if err != nil {
		w.log.Error("encode rejected start", zap.Uint64("sequence", meta.Sequence.Stream), zap.Error(err))
		return
	}
	// This write is not fenced. A replay after a lost cursor is recognised by its place in the start stream.
	out.Header.Set(nats.MsgIdHdr, "start."+strconv.FormatUint(meta.Sequence.Stream, 10)+"."+
		strconv.FormatInt(meta.Timestamp.UnixNano(), 36))
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, requestTimeout)
		_, err := w.js.PublishMsg(attempt, out)
		cancel()
		if err == nil {
			w.stats.rejected.Add(1)
			done()
			return
		}
		w.log.Warn("store rejected start", zap.Uint64("sequence", meta.Sequence.Stream), zap.Error(err))
		select {
		case <-ctx.Done():
		case <-time.After(pumpRetry):
		}
	}
}
