package workers

import (
	"container/heap"
	"context"
	"runtime"
	"slices"
	"strings"
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
	reply, err := w.list(ctx, req)
	if err != nil {
		w.replyError(r, err)
		return
	}
	parts := []bus.ListReply{reply}
	incomplete := w.unserved() > 0
	for _, answer := range w.askPeers(ctx, r.body) {
		if answer == nil {
			incomplete = true
			continue
		}
		parts = append(parts, *answer)
	}
	reply = joinPages(parts, req.Limit)
	reply.Incomplete = reply.Incomplete || incomplete
	w.reply(r, reply)
}

// joinPages makes one page of the pages of several workers. Where one of them has more, nothing behind its last tracker is
// on the page, so that the cursor passes nobody.
func joinPages(parts []bus.ListReply, limit int) bus.ListReply {
	page := bus.ListReply{Trackers: []bus.Tracker{}, Counts: newCounts()}
	upTo, more := "", false
	for _, p := range parts {
		page.Counts.Add(p.Counts)
		page.Incomplete = page.Incomplete || p.Incomplete
		if n := len(p.Trackers); p.Cursor != "" && n > 0 {
			if last := p.Trackers[n-1].TransactionID.String(); !more || last < upTo {
				upTo, more = last, true
			}
		}
	}
	for _, p := range parts {
		for _, t := range p.Trackers {
			if !more || t.TransactionID.String() <= upTo {
				page.Trackers = append(page.Trackers, t)
			}
		}
	}
	slices.SortFunc(page.Trackers, func(a, b bus.Tracker) int {
		return strings.Compare(a.TransactionID.String(), b.TransactionID.String())
	})
	if len(page.Trackers) > limit {
		page.Trackers, more = page.Trackers[:limit], true
	}
	return fitPage(page, more)
}

// pageBytes is how much of a page may be trackers: what a message holds by default, less room for the rest.
const pageBytes = bus.MaxBulkBytes - 64<<10

// fitPage cuts a page to what a message can hold, but keeps one tracker at least, and sets its cursor if more follow.
func fitPage(page bus.ListReply, more bool) bus.ListReply {
	size := 0
	for i, t := range page.Trackers {
		body, err := bus.Encode(t)
		if size += len(body) + 1; err == nil && size > pageBytes && i > 0 {
			page.Trackers, more = page.Trackers[:i], true
			break
		}
	}
	page.Cursor = ""
	if n := len(page.Trackers); more && n > 0 {
		page.Cursor = page.Trackers[n-1].TransactionID.Token()
	}
	return page
}

func newCounts() bus.Counts {
	return bus.Counts{ByPhase: map[bus.Phase]uint64{}, ByStatus: map[bus.Status]uint64{}}
}

// serveListHere answers with this worker's part of a page.
func (w *Worker) serveListHere(ctx context.Context, r request) {
	req, err := bus.DecodeList(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	reply, err := w.list(ctx, req)
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
	twins := 0 // of the same name cannot be asked apart
	for _, peer := range w.pulse.Live() {
		switch {
		case peer.Worker != w.cfg.Name:
			asked++
			go func() { answers <- w.askPeer(ctx, peer.Worker, body) }()
		case peer.Incarnation != w.incarnation:
			twins++
		}
	}
	all := make([]*bus.ListReply, asked+twins)
	for i := range asked {
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

// scans is how many pages are made at one time. Each looks at all trackers, which may be a million: those who ask again and again must
// leave processors to the others.
func scans() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// list returns this worker's trackers that match, those with the lowest IDs behind the cursor, and counts them all. It waits for its turn
// until ctx ends.
func (w *Worker) list(ctx context.Context, req bus.ListRequest) (bus.ListReply, error) {
	select {
	case w.scanning <- struct{}{}:
		defer func() { <-w.scanning }()
	case <-ctx.Done():
		return bus.ListReply{}, bus.Overloaded(time.Second)
	}
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
	counts := newCounts()
	page := &lowest{limit: req.Limit}
	at := time.Now()
	for id, child := range w.names.All() {
		c := cellOf(child)
		if c.over() {
			continue
		}
		phase, status := c.standing()
		counts.Total++
		counts.ByPhase[phase]++
		counts.ByStatus[status]++
		if id <= after || req.Filter == "" && !page.wants(id) {
			continue // spares making its object, which is the dear part
		}
		if object, _, _ := c.outline(); filter.Match(&object, at) {
			page.add(object)
		}
	}
	w.listStranded(&counts, func(object bus.Tracker) {
		id := object.TransactionID.String()
		if id > after && (req.Filter != "" || page.wants(id)) && filter.Match(&object, at) {
			page.add(object)
		}
	})
	return fitPage(bus.ListReply{Trackers: w.explained(page.sorted()), Counts: counts}, page.more), nil
}

// explained adds what they wait for to the trackers that run here.
func (w *Worker) explained(trackers []bus.Tracker) []bus.Tracker {
	for i := range trackers {
		if child, ok := w.names.Lookup(trackers[i].TransactionID.String()); ok {
			trackers[i].WaitingFor = cellOf(child).object().WaitingFor
		}
	}
	return trackers
}

// lowest keeps the trackers with the lowest IDs, at most limit.
type lowest struct {
	limit int
	kept  maxHeap
	more  bool // some were left out
}

// wants reports whether an ID would be kept, and notes it as left out if not.
func (l *lowest) wants(id string) bool {
	if len(l.kept) < l.limit || l.limit > 0 && id < l.kept[0].TransactionID.String() {
		return true
	}
	l.more = true
	return false
}

func (l *lowest) add(t bus.Tracker) {
	if len(l.kept) < l.limit {
		heap.Push(&l.kept, t)
		return
	}
	if l.more = true; l.limit == 0 {
		return
	}
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
