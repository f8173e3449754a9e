package workers

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// owning are subjects of the kinds that a worker publishes to for what it owns. Nothing is ever stored on them by [Worker.askAgain],
// and a request without a body is answered by an error.
var owning = []string{
	bus.EventSubject(canaryID, "canary", 0), bus.RejectedSubject("canary"), bus.StateSubject(canaryID), canarySubject,
	"tracker.fleet.owner.canary", "$JS.API.STREAM.MSG.GET." + bus.StreamTracker, "$JS.API.DIRECT.GET." + bus.StreamTracker,
}

// never is a sequence that no stream comes to.
const never = "9223372036854775807"

// canaryID is the transaction of records and events that are never stored.
var canaryID = func() bus.ID {
	id, err := bus.ParseID("canary")
	if err != nil {
		panic(err)
	}
	return id
}()

// askAgain asks for what was refused lately, as a worker that stepped aside tries nothing of it: under a condition that never holds, so
// that nothing is stored. It leaves the answer to those who note refusals.
func (w *Worker) askAgain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, subject := range owning {
		if !w.cfg.Refusals.Lacks(subject, time.Now()) {
			continue
		}
		all.Go(func() {
			m := nats.NewMsg(subject)
			m.Header.Set(nats.ExpectedLastSubjSeqHdr, never)
			_, _ = w.nc.RequestMsgWithContext(ctx, m)
		})
	}
	all.Wait()
}
