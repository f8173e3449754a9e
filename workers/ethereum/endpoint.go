package ethereum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// endpoint is a node and what is known of it. Source.mu guards what follows client.
type endpoint struct {
	client *jsonrpc.Client

	line       breaker   // whether it can be asked at all
	finds      breaker   // whether it answers look-ups
	verified   time.Time // when it last said that it is on our chain; zero: ask again
	head       uint64
	headAt     time.Time // when its head was first seen to be there
	seen       time.Time // when it was last followed or probed
	good       time.Time // when it last did what it was asked, at the latest when the source was made
	vain       time.Time // since when no look-up went well; zero: the last one did
	blind      bool      // that has been tried for goneAfter
	lags       bool
	offers     [3]offer // of tags, by kind of head
	noReceipts bool     // it has no eth_getBlockReceipts. Belongs to Run
	err        error
}

// offer is whether an endpoint has a tag.
type offer struct {
	since uint64 // head at which it was first asked for in vain; 0: not so
	none  bool   // it has said so for long enough, or doesn't know what a tag is
}

// absent takes in that the tag isn't there at a head. It is believed after so many blocks, at once where refused.
func (o *offer) absent(head, blocks uint64, refused bool) {
	if o.since == 0 {
		o.since = max(head, 1)
	}
	o.none = o.none || refused || head >= o.since+blocks
}

// saw takes in where its head is.
func (e *endpoint) saw(head uint64, now time.Time) {
	e.seen = now
	if head != e.head {
		e.head, e.headAt = head, now
	}
}

// said takes in how it answered when it was followed or probed.
func (e *endpoint) said(err error, now time.Time) {
	e.err = err
	var paced *jsonrpc.PacedError
	switch {
	case err == nil:
		e.good = now
		e.line.succeed(now)
	case errors.Is(err, ErrBehind), errors.Is(err, ErrLag):
		e.verified = time.Time{} // it may be another node that answers there; what it serves is asked for all the same
	case errors.As(err, &paced):
		e.verified = time.Time{}
		e.line.fail(now, paced.Until)
	default:
		e.verified = time.Time{}
		e.line.fail(now, now)
	}
}

// found takes in how it answered a look-up. A node that answers, but not that, can still be followed.
func (e *endpoint) found(err error, now time.Time) {
	e.tried(err == nil, now)
	var answer *jsonrpc.Error
	switch {
	case err == nil:
		e.good = now
		e.finds.succeed(now)
		if e.line.ready(now) && e.line.strikes == 0 {
			e.err = nil
		}
	case errors.Is(err, ErrBehind):
		e.err = err
		e.verified = time.Time{}
	case errors.As(err, &answer), errors.Is(err, ErrAnswer), errors.Is(err, ErrReceipt), errors.Is(err, jsonrpc.ErrNoAnswer):
		e.err = err
		e.verified = time.Time{}
		e.finds.fail(now, now)
	default:
		e.said(err, now)
	}
}

// tried takes in whether a look-up went well.
func (e *endpoint) tried(well bool, now time.Time) {
	switch {
	case well:
		e.vain, e.blind = time.Time{}, false
	case e.vain.IsZero():
		e.vain = now
	default:
		e.blind = now.Sub(e.vain) >= goneAfter
	}
}

// said notes how an endpoint answered, unless that is because ctx ended.
func (s *Source) said(ctx context.Context, e *endpoint, err error) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.said(err, time.Now())
}

// toAsk returns the endpoint to ask in a look-up, and which one that is, after the last one of that round.
func (s *Source) toAsk(last *int) (*endpoint, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*last = s.pool.toAsk(*last, time.Now())
	return s.endpoints[*last], *last
}

// found notes how an endpoint answered a look-up.
func (s *Source) found(e *endpoint, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.found(err, time.Now())
}

// verify asks the endpoint for its chain unless it did within the span, and fails with [ErrChain] if it isn't ours.
func (s *Source) verify(ctx context.Context, e *endpoint, span time.Duration) error {
	s.mu.Lock()
	verified := e.verified
	s.mu.Unlock()
	if !verified.IsZero() && time.Since(verified) < span {
		return nil
	}
	call := jsonrpc.NewCall("eth_chainId")
	if err := e.client.Do(ctx, call); err != nil {
		return err
	}
	return s.checkChain(e, call)
}

// checkChain reads the answer to eth_chainId.
func (s *Source) checkChain(e *endpoint, call *jsonrpc.Call) error {
	if call.Err != nil {
		return fmt.Errorf("ethereum: eth_chainId: %w", call.Err)
	}
	id, err := decodeQuantity(call.Result)
	if err != nil {
		return fmt.Errorf("ethereum: eth_chainId: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != s.chainID {
		e.verified = time.Time{}
		return fmt.Errorf("%w: eip155:%d, not %s", ErrChain, id, s.cfg.Chain)
	}
	e.verified = time.Now()
	return nil
}
