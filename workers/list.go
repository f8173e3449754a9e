package workers

import (
	"container/heap"
	"context"
	"sort"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// serveList answers with one page of the trackers that run or are parked, over all workers, by transaction ID.
func (w *Worker) serveList(ctx context.Context, r request) {
	req, err := bus.DecodeList(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	reply, err := w.list(req)
	if err != nil {
		w.replyError(r, err)
		return
	}
	reply.Incomplete = w.unserved() > 0
	for _, answer := range w.askPeers(ctx, r.body) {
		if answer == nil {
			reply.Incomplete = true
			continue
		}
		reply.Trackers = append(reply.Trackers, answer.Trackers...)
		reply.Counts.Add(answer.Counts)
		reply.Incomplete = reply.Incomplete || answer.Incomplete
		if answer.Cursor != "" {
			reply.Cursor = answer.Cursor
		}
	}
	sort.Slice(reply.Trackers, func(i, j int) bool {
		return reply.Trackers[i].TransactionID.String() < reply.Trackers[j].TransactionID.String()
	})
	if len(reply.Trackers) > req.Limit {
		reply.Trackers, reply.Cursor = reply.Trackers[:req.Limit], "more"
	}
	if reply.Cursor != "" {
		reply.Cursor = reply.Trackers[len(reply.Trackers)-1].TransactionID.Token()
	}
	w.reply(r, reply)
}

// serveListHere answers with this worker's part of a page.
func (w *Worker) serveListHere(_ context.Context, r request) {
	req, err := bus.DecodeList(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	reply, err := w.list(req)
	if err != nil {
		w.replyError(r, err)
		return
	}
	w.reply(r, reply)
}

// askPeers asks the other live workers for their part, at once; nil stands for one that did not answer.
func (w *Worker) askPeers(ctx context.Context, body []byte) []*bus.ListReply {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout/2)
	defer cancel()
	answers := make(chan *bus.ListReply)
	asked := 0
	for _, peer := range w.pulse.Live() {
		if peer.Worker == w.cfg.Name {
			continue
		}
		asked++
		go func() { answers <- w.askPeer(ctx, peer.Worker, body) }()
	}
	all := make([]*bus.ListReply, asked)
	for i := range all {
		all[i] = <-answers
	}
	return all
}

func (w *Worker) askPeer(ctx context.Context, worker string, body []byte) *bus.ListReply {
	m := nats.NewMsg(workerSubject(worker, "list"))
	m.Data = body
	answer, err := w.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return nil
	}
	var reply bus.ListReply
	if bus.ReadReply(answer, &reply) != nil {
		return nil
	}
	return &reply
}

// list returns this worker's trackers that match, those with the lowest IDs behind the cursor, and counts them all.
func (w *Worker) list(req bus.ListRequest) (bus.ListReply, error) {
	filter, err := bus.ParseFilter(req.Filter)
	if err != nil {
		return bus.ListReply{}, err
	}
	after := ""
	if req.Cursor != "" {
		id, err := bus.ParseToken(req.Cursor)
		if err != nil {
			return bus.ListReply{}, bus.Invalid(bus.Fault{Field: "cursor", Message: err.Error()})
		}
		after = id.String()
	}
	counts := bus.Counts{ByPhase: map[bus.Phase]uint64{}, ByStatus: map[bus.Status]uint64{}}
	page := &lowest{limit: req.Limit}
	at := time.Now()
	for id, child := range w.names.All() {
		c := cellOf(child)
		if c.over() {
			continue
		}
		object := c.object()
		counts.Total++
		counts.ByPhase[object.Phase]++
		counts.ByStatus[object.Status]++
		if id > after && filter.Match(&object, at) {
			page.add(object)
		}
	}
	reply := bus.ListReply{Trackers: page.sorted(), Counts: counts}
	if page.more {
		reply.Cursor = reply.Trackers[len(reply.Trackers)-1].TransactionID.Token()
	}
	return reply, nil
}

// lowest keeps the trackers with the lowest IDs, at most limit.
type lowest struct {
	limit int
	kept  maxHeap
	more  bool // some were left out
}

func (l *lowest) add(t bus.Tracker) {
	if len(l.kept) < l.limit {
		heap.Push(&l.kept, t)
		return
	}
	l.more = true
	if t.TransactionID.String() < l.kept[0].TransactionID.String() {
		l.kept[0] = t
		heap.Fix(&l.kept, 0)
	}
}

// sorted empties l, the lowest ID first.
func (l *lowest) sorted() []bus.Tracker {
	out := make([]bus.Tracker, len(l.kept))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = heap.Pop(&l.kept).(bus.Tracker)
	}
	return out
}

// maxHeap has the highest ID first.
type maxHeap []bus.Tracker

func (h maxHeap) Len() int { return len(h) }
func (h maxHeap) Less(i, j int) bool {
	return h[i].TransactionID.String() > h[j].TransactionID.String()
}
func (h maxHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *maxHeap) Push(x any)   { *h = append(*h, x.(bus.Tracker)) }

func (h *maxHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
