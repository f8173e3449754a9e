package bus

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// JournalStats counts what a journal did since it was made. Counters only go up.
type JournalStats struct {
	Batches       uint64 // acknowledged
	Messages      uint64 // in those batches
	CommitSeconds float64
	Written       uint64 // writes that ended well
	Fenced        uint64 // writes refused because their epoch has ended
	Conflicts     uint64 // writes refused because their record was at another revision
	Failed        uint64 // writes that ended with any other error
	Retries       uint64 // attempts that were refused or whose outcome was unknown
	Pending       int    // writes not ended yet, now
	// LastError is the newest reason for a retry, and LastErrorAt when it was; the zero time when there was none.
	LastError   error
	LastErrorAt time.Time
	// LastCommitAt is when the last batch was acknowledged, with the monotonic reading; the zero time when there was none.
	LastCommitAt time.Time
}

type journalCounters struct {
	batches, messages, commitNanos     atomic.Uint64
	written, fenced, conflicts, failed atomic.Uint64
	retries                            atomic.Uint64
	lastCommit                         atomic.Pointer[time.Time]

	mu          sync.Mutex
	lastError   error
	lastErrorAt time.Time
}

func (c *journalCounters) committed(messages int, took time.Duration) {
	c.batches.Add(1)
	c.messages.Add(uint64(messages))
	c.commitNanos.Add(uint64(took))
	now := time.Now()
	c.lastCommit.Store(&now)
}

func (c *journalCounters) retried(err error) {
	c.retries.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastError, c.lastErrorAt = err, time.Now()
}

func (c *journalCounters) finished(r Result) {
	switch {
	case r.Err == nil:
		c.written.Add(1)
	case errors.Is(r.Err, ErrFenced):
		c.fenced.Add(1)
	case errors.Is(r.Err, ErrStale):
		c.conflicts.Add(1)
	default:
		c.failed.Add(1)
	}
}

// Stats returns the counters as they are now.
func (j *Journal) Stats() JournalStats {
	c := &j.stats
	s := JournalStats{
		Batches: c.batches.Load(), Messages: c.messages.Load(),
		CommitSeconds: time.Duration(c.commitNanos.Load()).Seconds(),
		Written:       c.written.Load(), Fenced: c.fenced.Load(), Conflicts: c.conflicts.Load(), Failed: c.failed.Load(),
		Retries: c.retries.Load(),
	}
	for _, l := range j.lanes {
		s.Pending += len(l.slots)
	}
	if at := c.lastCommit.Load(); at != nil {
		s.LastCommitAt = *at
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.LastError, s.LastErrorAt = c.lastError, c.lastErrorAt
	return s
}
