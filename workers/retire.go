package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"trackerfleet/supervision"
	"trackerfleet/workers/source"
)

// retirePause is how long a tracker may take to end before it ends by itself while the next ones are seen to: so any number that
// hang take as long as one.
const retirePause = 10 * time.Millisecond

// retire ends a tracker that has finished or is not owned here any more: out of the source first, then out of the registry.
func (w *Worker) retire(ctx context.Context, c *cell) {
	c.close()
	id := c.record.Load().ID().String()
	brief, cancel := context.WithTimeout(ctx, retirePause)
	err := w.trackers.TerminateChild(brief, id)
	cancel()
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		if w.tasks.run(func() { w.retired(c, id, w.trackers.TerminateChild(ctx, id)) }) {
			return
		}
	}
	w.retired(c, id, err)
}

// retired frees the name of a tracker that has ended, or was given up.
func (w *Worker) retired(c *cell, id string, err error) {
	if err != nil && !errors.Is(err, supervision.ErrNotFound) {
		w.log.Error("tracker did not end", zap.String("transaction_id", id), zap.Error(err))
	}
	w.closeWatch(c, id)
	c.part.crew.leave(c)
	c.freed()
}

// closing ends the watch of a tracker whose server could not: there was none, or it hangs. A source may panic or hang then, too.
var closing = &supervision.ChildType{
	Name: "close",
	Process: func(child *supervision.Child) supervision.Process {
		return loop(func(context.Context) error {
			child.Arg().(source.Handle).Close()
			return nil
		})
	},
}

// closeWatch ends what a cell still watches. Once the worker leaves nothing is watched by anybody.
func (w *Worker) closeWatch(c *cell, id string) {
	handle := c.detach()
	if handle == nil {
		return
	}
	_, err := w.system.StartChild(context.Background(), supervision.ChildSpec{
		ID: fmt.Sprintf("close/%s/%d", id, w.closings.Add(1)), Type: closing, Arg: handle, Restart: supervision.Temporary,
	})
	if err != nil && !errors.Is(err, supervision.ErrShutdown) {
		w.log.Error("watch is not closed", zap.String("transaction_id", id), zap.Error(err))
	}
}
