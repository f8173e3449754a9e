package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// HeaderTimeoutMS says how many milliseconds the sender of a request will wait for its answer. It is relative, so that no
// two clocks need agree.
const HeaderTimeoutMS = "Tracker-Timeout-Ms"

// RequestTimeout returns how long the sender of a request will wait, at most usual, and usual if it does not say.
func RequestTimeout(h nats.Header, usual time.Duration) time.Duration {
	ms, err := strconv.ParseInt(h.Get(HeaderTimeoutMS), 10, 32)
	if err != nil || ms <= 0 {
		return usual
	}
	return min(time.Duration(ms)*time.Millisecond, usual)
}

// route is how a request reaches who can answer it.
type route struct {
	direct   string // subject of the owner; empty: there is no single one
	public   string // subject of the micro service
	repeat   bool   // doing it twice is doing it once
	bulk     bool   // many at once, so that the answer takes its time
	fallback bool   // any worker can answer something while there is no owner
	trace    Trace  // of the request
}

func (c *Client) route(verb string, id ID, repeat bool) route {
	r := route{public: "tracker." + verb, repeat: repeat}
	if !c.cfg.PublicOnly && !id.IsZero() {
		r.direct = RequestSubject(id.Partition(), verb, id.Token())
	}
	return r
}

// subjects returns where attempt number n (from 0) asks, in order, as long as nobody listens. Every second attempt goes to
// the micro service, which also knows the way, should this client's be out of date.
func (r route) subjects(n int) []string {
	switch {
	case r.direct == "":
		return []string{r.public}
	case r.fallback && n%2 == 0:
		return []string{r.direct, r.public}
	case n%2 == 1:
		return []string{r.public}
	}
	return []string{r.direct}
}

// verdict says what an attempt's outcome means for the request.
type verdict int

const (
	done       verdict = iota // answered, well or badly
	again                     // nothing was done: ask again
	unanswered                // sent, and no answer: it may have been done
)

func judge(err error) verdict {
	switch {
	case err == nil:
		return done
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrOverloaded), errors.Is(err, nats.ErrNoResponders):
		return again
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, nats.ErrTimeout):
		return unanswered
	case errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded):
		return again // refused by the client itself
	}
	return done
}

// ask sends body along r until there is an answer or ctx, with Timeout if it has no deadline, ends.
func (c *Client) ask(ctx context.Context, r route, body []byte, reply any) error {
	return c.insist(ctx, c.silence(r), func(ctx context.Context, n int) error {
		var err error
		for _, subject := range r.subjects(n) {
			var m *nats.Msg
			m, err = c.request(ctx, subject, r.trace, body)
			if err == nil {
				return ReadReply(m, reply)
			}
			if !errors.Is(err, nats.ErrNoResponders) {
				return err
			}
		}
		return err
	})
}

func (c *Client) request(ctx context.Context, subject string, trace Trace, body []byte) (*nats.Msg, error) {
	m := nats.NewMsg(subject)
	m.Data = body
	trace.Put(m.Header)
	if deadline, ok := ctx.Deadline(); ok {
		m.Header.Set(HeaderTimeoutMS, strconv.FormatInt(max(time.Until(deadline).Milliseconds(), 1), 10))
	}
	return c.nc.RequestMsgWithContext(ctx, m)
}

// lookupSilence is how many times sooner a lookup is asked again than something that has to be done. In a cluster a question to an owner
// that has just given its partition up may be lost, as the servers do not all know at once who listens to what.
const lookupSilence = 4

// bulkSilence is how many times longer the answer to many may take than that to one.
const bulkSilence = 5

// maxSilence bounds how long an attempt waits.
const maxSilence = time.Hour

// leastAttempt is the least time that is worth an attempt: one that the deadline cuts off may have been done.
const leastAttempt = 20 * time.Millisecond

// silence returns after how long without an answer a request on r is sent again; 0: never.
func (c *Client) silence(r route) time.Duration {
	switch {
	case !r.repeat:
		return 0
	case r.bulk:
		return bulkSilence * c.cfg.Silence
	case r.fallback:
		return c.cfg.Silence / lookupSilence
	}
	return c.cfg.Silence
}

// insist calls attempt, with its number from 0, until it did something or ctx, with Timeout if it has no deadline, ends. An
// attempt ends after silence, which doubles each time lest somebody slow never be heard, and is then repeated; 0: it is not.
func (c *Client) insist(ctx context.Context, silence time.Duration, attempt func(ctx context.Context, n int) error) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	if err := context.Cause(ctx); err != nil {
		return outcome(ctx, false, err)
	}
	maybeDone := false
	var said error // what the fleet, not the network, last answered
	for n := 0; ; n++ {
		err := once(ctx, silence, n, attempt)
		var wire *Error
		if errors.As(err, &wire) || said == nil {
			said = err
		}
		switch judge(err) {
		case done:
			return clientError(err)
		case unanswered:
			if maybeDone = true; silence == 0 {
				return outcome(ctx, maybeDone, said)
			}
			silence = min(2*silence, maxSilence)
		}
		pause, ok := c.pause(ctx, n, err)
		if !ok || !sleep(ctx, pause) {
			return outcome(ctx, maybeDone, said)
		}
	}
}

// once makes one attempt, which ends after silence unless that is 0.
func once(ctx context.Context, silence time.Duration, n int, attempt func(context.Context, int) error) error {
	if silence == 0 {
		return attempt(ctx, n)
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return attempt(ctx, n)
}

// bounded returns ctx with the default deadline if it has none.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.cfg.Timeout)
}

// pause returns how long to wait after attempt n failed with err: full jitter over a doubling span, at most half of what is
// left of ctx, but no less than the other side asked for. It is false if that leaves no time for another attempt.
func (c *Client) pause(ctx context.Context, n int, err error) (time.Duration, bool) {
	left := c.cfg.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	span := min(c.cfg.BackoffCap, left/2)
	if n < 20 {
		span = min(span, c.cfg.BackoffBase<<n)
	}
	if ctx.Err() != nil || left < 2*leastAttempt {
		return 0, false
	}
	var wire *Error
	asked := time.Duration(0)
	if errors.As(err, &wire) {
		asked = wire.RetryAfter()
	}
	return asked + rand.N(max(span, 1)), asked < left
}

// sleep waits for that long and reports whether ctx allowed it.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// outcome is the error of a request that ran out of time: the fleet's own last word if it had one.
func outcome(ctx context.Context, maybeDone bool, last error) error {
	var wire *Error
	switch {
	case maybeDone:
		return errors.Join(fmt.Errorf("%w: no answer", ErrTimeout), context.Cause(ctx))
	case errors.As(last, &wire):
		return last
	}
	return errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, last), context.Cause(ctx))
}

// clientError gives an error of the NATS client the sentinel that it means.
func clientError(err error) error {
	if err == nil {
		return nil
	}
	if sentinel := CodeOf(err).Sentinel(); !errors.Is(err, sentinel) {
		return fmt.Errorf("%w: %w", sentinel, err)
	}
	return err
}
