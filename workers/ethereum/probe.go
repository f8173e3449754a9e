package ethereum

import (
	"context"
	"fmt"
	"sync"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// probeTimeout limits a probe: an endpoint that is slower is no help.
const probeTimeout = 5 * time.Second

// watchStandbys probes the endpoints that are not followed until ctx ends, so that it is known where their heads are, and
// which of them can take over.
func (s *Source) watchStandbys(ctx context.Context) {
	ticker := time.NewTicker(min(s.cfg.Poll, s.cfg.Probe))
	defer ticker.Stop()
	for {
		s.mu.Lock()
		due := s.pool.due(time.Now(), s.cfg.Probe)
		s.mu.Unlock()
		var all sync.WaitGroup
		for _, e := range due {
			all.Go(func() { s.probe(ctx, e) })
		}
		all.Wait()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// probe asks an endpoint for its chain and its head. A head beyond the one that is followed brings the next poll forward.
func (s *Source) probe(ctx context.Context, e *endpoint) {
	within := min(s.cfg.Timeout, probeTimeout)
	asked, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("ethereum: no answer within %v", within))
	defer cancel()
	chain, height := jsonrpc.NewCall("eth_chainId"), jsonrpc.NewCall("eth_blockNumber")
	err := e.client.Do(asked, chain, height)
	if err == nil {
		err = s.checkChain(e, chain)
	}
	var head uint64
	if err == nil {
		if err = height.Err; err == nil {
			head, err = decodeQuantity(height.Result)
		}
	}
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e.seen = now
	if err == nil {
		err = s.pool.judge(e, head, now)
	}
	e.said(err, now)
	followed := s.pool.members[s.pool.following]
	if err == nil && head >= followed.head+s.pool.maxLag && !s.book.window.empty() {
		s.hurryLocked()
		s.kick()
	}
}
