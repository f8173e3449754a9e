package workers

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// workload is what a heartbeat says of a worker's load.
type workload struct {
	Trackers   uint64 `json:"trackers"`
	Parked     uint64 `json:"parked"`
	Partitions int    `json:"partitions"`
	Backlog    uint64 `json:"backlog"` // starts that are not stored yet; only the pump knows
}

// describe fills the heartbeat.
func (w *Worker) describe(h *bus.Heartbeat) {
	h.Version, h.Draining, h.Stands = w.cfg.Version, w.draining.Load(), w.ground.claims()
	h.Unfit = w.cfg.Refusals.Missing(time.Now()) != nil
	body, err := json.Marshal(w.workload())
	if err == nil {
		h.Load = body
	}
}

func (w *Worker) workload() workload {
	counts := w.trackers.CountChildren()
	l := workload{Trackers: uint64(counts.Total()), Parked: uint64(counts.Parked), Backlog: w.backlog()}
	for _, p := range w.partitions {
		if p.owned() {
			l.Partitions++
		}
	}
	return l
}

// backlog is how many starts are stored in the stream and not yet as records, as far as this worker knows.
func (w *Worker) backlog() uint64 {
	if !w.partitions[pumpPartition].owned() {
		return 0
	}
	last, done := w.pump.last.Load(), w.pump.cursor.Load()
	if last < done {
		return 0
	}
	return last - done
}

// serveFleet answers with the workers and partitions as this worker sees them.
func (w *Worker) serveFleet(ctx context.Context, r request) {
	if _, err := bus.DecodeFleet(r.body); err != nil {
		w.replyError(r, err)
		return
	}
	reply := bus.FleetReply{Fleet: w.cfg.Fleet, AnsweredBy: w.cfg.Name}
	for _, p := range w.pulse.Live() {
		var l workload
		if len(p.Load) > 0 && json.Unmarshal(p.Load, &l) != nil {
			l = workload{} // of a version that says it differently
		}
		reply.Workers = append(reply.Workers, bus.FleetWorker{
			Worker: p.Worker, Version: p.Version, Alive: true, Draining: p.Draining, Capacity: uint64(max(p.Capacity, 0)),
			Trackers: l.Trackers, Partitions: l.Partitions, HeartbeatAt: p.HeardAt.UTC(),
		})
		reply.StartBacklog += l.Backlog
	}
	slices.SortFunc(reply.Workers, func(a, b bus.FleetWorker) int { return strings.Compare(a.Worker, b.Worker) })
	for _, o := range w.owners.all() {
		state := bus.PartitionUnowned
		switch {
		case o.State == bus.Owned:
			state = bus.PartitionOwned
		case o.State == bus.Released:
			state = bus.PartitionReleased
		}
		reply.Partitions = append(reply.Partitions, bus.FleetPartition{
			Partition: o.Partition, State: state, Worker: o.Worker, Epoch: o.Epoch,
		})
	}
	own, err := w.list(ctx, bus.ListRequest{})
	if err != nil {
		w.replyError(r, err)
		return
	}
	reply.Counts = own.Counts
	for _, answer := range w.askPeers(ctx, []byte(`{"limit":1}`)) {
		if answer != nil {
			reply.Counts.Add(answer.Counts)
		}
	}
	w.reply(r, reply)
}

// drainTimeout is how long a drain is waited for where the caller does not say.
const drainTimeout = time.Minute

// serveDrain passes a drain on to the worker that it names.
func (w *Worker) serveDrain(ctx context.Context, r request) {
	req, err := bus.DecodeDrain(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	if req.Worker == w.cfg.Name {
		w.serveDrainHere(ctx, r)
		return
	}
	alive := slices.ContainsFunc(w.pulse.Live(), func(p bus.Peer) bool { return p.Worker == req.Worker })
	if !alive {
		w.replyError(r, bus.Errorf(bus.CodeNotFound, "no worker %q is alive", req.Worker))
		return
	}
	if err := w.service.responder.CheckReply(r.Reply()); err != nil {
		w.replied(err)
		return
	}
	m := nats.NewMsg(workerSubject(req.Worker, "drain"))
	m.Data, m.Header, m.Reply = r.body, r.header, r.Reply()
	w.replied(w.nc.PublishMsg(m))
}

// serveDrainHere hands everything of this worker over and answers when that is done.
func (w *Worker) serveDrainHere(ctx context.Context, r request) {
	n, err := w.drain(ctx)
	if err != nil {
		w.replyError(r, bus.Errorf(bus.CodeUnavailable, "%d partitions were handed over: %v", n, err))
		return
	}
	w.reply(r, bus.DrainReply{Worker: w.cfg.Name, Partitions: n})
}
