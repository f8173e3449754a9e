package integration

import (
	"fmt"
	"syscall"
	"testing"

	"trackerfleet/integration/process"
)

// burst is more requests than a worker lets wait for one verb; nonsense is what they say, which is answered at once.
const (
	burst    = 150_000
	nonsense = `{"transaction_id":`
)

// TestFloodOfRequestsStopsNoService sends each verb more requests at once than a worker can keep, so that its client drops some of
// them as a slow consumer does: every verb is answered afterwards, and nobody takes the worker for dead.
func TestFloodOfRequestsStopsNoService(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := &fleet{server: process.StartServer(t)}
	f.client = newClient(t, f.server.Connect(t))
	config := f.workerConfig("w-1")
	config.Lease = "10s"
	w := process.StartWorker(t, config)
	f.workers = append(f.workers, w)
	tracker := f.spawn(t, "flooded")
	verbs := []string{"spawn", "lookup", "call", "stop", "retry", "list", "fleet"}
	for _, verb := range verbs[:2] {
		process.Await(t, patience, func() error {
			f.flood(t, w, "tracker."+verb)
			return more(w.Said("subscription tracker."+verb+": nats: slow consumer"), 0)
		})
	}
	if lines := w.Said("slow consumer"); lines > 100 {
		t.Errorf("%d lines were logged", lines)
	}
	for _, verb := range verbs {
		if r := f.ask(t, verb, nonsense); r.code() != 400 {
			t.Errorf("after the flood %s is answered with %s", verb, r.body)
		}
	}
	discovered(t, f)
	if r := f.want(t, "found", "lookup", "flooded"); r.Tracker.pid() != tracker.pid() {
		t.Errorf("the tracker was %s and is %s", tracker.pid(), r.Tracker.pid())
	}
	stillServes(t, f, "after_flood")
	if moves := metric(t, w, "partition_moves_total"); moves != 256 {
		t.Errorf("partitions were claimed %v times", moves)
	}
}

// flood publishes requests that nobody waits for while the worker can't take them.
func (f *fleet) flood(t *testing.T, w *process.Worker, subject string) {
	t.Helper()
	w.Signal(t, syscall.SIGSTOP)
	defer w.Signal(t, syscall.SIGCONT)
	for i := range burst {
		if err := f.nc.PublishRequest(subject, fmt.Sprintf("_INBOX.nobody.%d", i), []byte(nonsense)); err != nil {
			t.Error(err)
			return
		}
	}
	if err := f.nc.FlushTimeout(patience); err != nil {
		t.Error(err)
	}
}
