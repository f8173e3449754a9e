package workers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/zap"

	"trackerfleet/bus"
)

// requestTimeout bounds what a request is waited for where the caller does not say.
const requestTimeout = 5 * time.Second

// pendingRequests is how many requests of one subject may wait in the client before NATS drops more of them.
const pendingRequests = 65536

// request is one request, from the public subject of its verb or sent to this worker directly as the owner.
type request struct {
	bus.Request
	body   []byte
	header nats.Header
	direct bool
}

// answer is a request as it can be answered from any goroutine. micro's own requests cannot: they are read again when the
// handler has returned.
type answer struct {
	nc      *nats.Conn
	subject string
}

// Reply returns where the answer goes.
func (a answer) Reply() string { return a.subject }

// Respond sends body.
func (a answer) Respond(body []byte, opts ...micro.RespondOpt) error {
	if len(opts) == 0 {
		return a.nc.Publish(a.subject, body)
	}
	return a.send(&nats.Msg{Subject: a.subject, Data: body}, opts)
}

// Error sends an error reply.
func (a answer) Error(code, description string, body []byte, opts ...micro.RespondOpt) error {
	header := nats.Header{bus.HeaderError: {description}, bus.HeaderErrorCode: {code}}
	return a.send(&nats.Msg{Subject: a.subject, Data: body, Header: header}, opts)
}

func (a answer) send(m *nats.Msg, opts []micro.RespondOpt) error {
	for _, opt := range opts {
		opt(m)
	}
	return a.nc.PublishMsg(m)
}

// verb serves one kind of request. handle answers before it returns.
type verb struct {
	name   string
	handle func(context.Context, request)
	quick  func(request) bool // answers at once if it can, without waiting for anything
	usual  time.Duration      // how long a caller is taken to wait who does not say; 0: requestTimeout
}

// service is the worker's side of the request/reply verbs.
type service struct {
	responder bus.Responder
	verbs     map[string]verb
	slots     chan struct{} // one per request that is waited for
	reads     chan struct{} // one per record that is being read for a request

	mu     sync.Mutex
	micro  micro.Service
	direct *nats.Subscription // requests to this worker by name
}

// startService answers the public verbs from now on.
func (w *Worker) startService() error {
	s := &w.service
	var err error
	s.micro, err = micro.AddService(w.nc, micro.Config{
		Name: "tracker", Version: w.cfg.Version, Description: "trackers of transactions, one owner each over the fleet",
		Metadata: map[string]string{"worker": w.cfg.Name, "fleet": w.cfg.Fleet},
	})
	if err != nil {
		return fmt.Errorf("workers: service: %w", err)
	}
	for name, v := range s.verbs {
		handler := micro.HandlerFunc(func(r micro.Request) {
			w.serve(v, request{Request: answer{w.nc, r.Reply()}, body: r.Data(), header: nats.Header(r.Headers())})
		})
		err := s.micro.AddEndpoint(name, handler, micro.WithEndpointSubject("tracker."+name),
			micro.WithEndpointPendingLimits(pendingRequests, -1))
		if err != nil {
			return fmt.Errorf("workers: endpoint %s: %w", name, err)
		}
	}
	own := map[string]verb{
		"list":  {name: "list", handle: w.serveListHere},
		"drain": {name: "drain", handle: w.serveDrainHere, usual: drainTimeout},
	}
	s.direct, err = w.nc.Subscribe(workerSubject(w.cfg.Name, "*"), func(m *nats.Msg) {
		if v, ok := own[m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]]; ok {
			w.serve(v, direct(m))
		}
	})
	if err != nil {
		return fmt.Errorf("workers: subscribe: %w", err)
	}
	return nil
}

// workerSubject is where one worker is asked by its name.
func workerSubject(worker, verb string) string { return "tracker.fleet.w." + worker + "." + verb }

func direct(m *nats.Msg) request {
	return request{Request: bus.MessageRequest(m), body: m.Data, header: m.Header, direct: true}
}

func (s *service) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []error
	if s.micro != nil {
		faults = append(faults, s.micro.Stop())
	}
	if s.direct != nil {
		faults = append(faults, s.direct.Unsubscribe())
	}
	return errors.Join(faults...)
}

// answer subscribes to the requests of partitions that are owned here.
func (w *Worker) answer(parts []*partition) error {
	for _, p := range parts {
		sub, err := w.nc.Subscribe(fmt.Sprintf("tracker.fleet.p.%d.*.*", p.number), w.serveDirect)
		if err != nil {
			return fmt.Errorf("workers: subscribe to partition %d: %w", p.number, err)
		}
		if err := sub.SetPendingLimits(pendingRequests, -1); err != nil {
			return fmt.Errorf("workers: subscribe to partition %d: %w", p.number, err)
		}
		p.mu.Lock()
		p.subscription = sub
		p.mu.Unlock()
	}
	return nil
}

// silence ends the subscriptions of partitions. What has arrived by then is answered still.
func (w *Worker) silence(parts []*partition) {
	for _, p := range parts {
		p.mu.Lock()
		sub := p.subscription
		p.subscription = nil
		p.mu.Unlock()
		if sub == nil {
			continue
		}
		if err := sub.Drain(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			w.log.Warn("unsubscribe", zap.Int("partition", p.number), zap.Error(err))
		}
	}
}

// serveDirect serves a request on tracker.fleet.p.<partition>.<verb>.<token>.
func (w *Worker) serveDirect(m *nats.Msg) {
	name, ok := directVerb(m.Subject)
	v, known := w.service.verbs[name]
	r := direct(m)
	if !ok || !known {
		w.replyError(r, bus.Errorf(bus.CodeInvalid, "no verb %q", name))
		return
	}
	w.serve(v, r)
}

// serve answers a request: at once on the subscription's goroutine if that takes no waiting, else on one of its own, of
// which there is a limited number.
func (w *Worker) serve(v verb, r request) {
	if v.quick == nil || !v.quick(r) {
		w.serveLater(v, r)
	}
}

func (w *Worker) serveLater(v verb, r request) {
	select {
	case w.service.slots <- struct{}{}:
	default:
		w.replyError(r, bus.Overloaded(100*time.Millisecond))
		return
	}
	started := w.tasks.run(func() {
		defer func() { <-w.service.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), bus.RequestTimeout(r.header, cmp.Or(v.usual, requestTimeout)))
		defer cancel()
		v.handle(ctx, r)
	})
	if !started {
		<-w.service.slots
		w.replyError(r, bus.ErrUnavailable)
	}
}

func (w *Worker) reply(r request, body any) { w.replied(w.service.responder.Respond(r.Request, body)) }

func (w *Worker) replyError(r request, err error) {
	w.replied(w.service.responder.RespondError(r.Request, err))
}

// replied counts answers that could not be sent. Nobody waits for them who could be told.
func (w *Worker) replied(err error) {
	switch {
	case err == nil:
	case errors.Is(err, bus.ErrReplySubject):
		w.stats.refusedReplies.Add(1)
	default:
		w.log.Warn("reply", zap.Error(err))
	}
}
