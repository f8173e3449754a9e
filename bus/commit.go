package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// commit ends every write of batch: it publishes them until each is stored, or proved to have lost its condition or its
// epoch, or ctx is done.
func (l *lane) commit(ctx context.Context, batch []*item) {
	for attempt := 0; ; attempt++ {
		if batch = l.dropRevoked(batch); len(batch) == 0 {
			return
		}
		first, err := l.publish(ctx, batch)
		switch {
		case err == nil:
			l.acknowledge(batch, first)
			return
		case ctx.Err() != nil:
			l.abandon(batch)
			return
		case messageFault(apiCode(err)):
			l.isolate(ctx, batch, err)
			return
		case apiCode(err) == codeBatchTooLarge && len(batch) > 1:
			l.halves(ctx, batch)
			return
		}
		l.journal.stats.retried(err)
		if needsSettling(err) {
			var progress bool
			batch, progress = l.settle(ctx, batch)
			if progress {
				attempt = 0
				if apiCode(err) == codeWrongLastSequence {
					continue // the losers are out
				}
			}
		}
		if !l.pause(ctx, attempt) {
			l.abandon(batch)
			return
		}
	}
}

// needsSettling reports whether err leaves open what has become of a batch or of an earlier attempt at it.
func needsSettling(err error) bool {
	switch apiCode(err) {
	case codeWrongLastSequence, codeConditionalInFlight, codeBatchIncomplete:
		return true
	case 0:
		return true // no answer from the stream
	}
	return false
}

func (l *lane) publish(ctx context.Context, batch []*item) (first uint64, err error) {
	if !l.journal.open.enter(ctx) {
		return 0, context.Cause(ctx)
	}
	defer l.journal.open.leave()
	messages := outgoingOf(batch)
	ctx, cancel := context.WithTimeout(ctx, l.journal.cfg.AckTimeout)
	defer cancel()
	began := time.Now()
	first, err = l.journal.batches.publish(ctx, len(messages), func(i int, s *sheet) { messages[i].write(s) })
	if err == nil {
		l.journal.stats.committed(len(messages), time.Since(began))
	}
	return first, err
}

// outgoing is one message of a batch: one of a write, or a fence alone.
type outgoing struct {
	item    *item
	message *Message // nil: the fence of the item's epoch
}

// outgoingOf returns the messages of all writes, in order, and at the end one for each partition that no other message
// carries the fence of.
func outgoingOf(batch []*item) []outgoing {
	messages := make([]outgoing, 0, 2*len(batch))
	epochs := make(map[int]uint64)
	for _, it := range batch {
		for i := range it.Events {
			messages = append(messages, outgoing{it, &it.Events[i]})
		}
		messages = append(messages, outgoing{it, &it.State})
		if it.carriesFence() {
			epochs[it.Partition] = it.Epoch
		}
	}
	for _, it := range batch {
		// Two epochs of a partition in one batch fail each other: both need their fence.
		if epochs[it.Partition] != it.Epoch {
			epochs[it.Partition] = it.Epoch
			messages = append(messages, outgoing{it, nil})
		}
	}
	return messages
}

// write puts the message on a sheet: events, and what is written without regard to its revision, carry the fence as their condition,
// and records the revision that they replace.
func (o outgoing) write(s *sheet) {
	it, m := o.item, o.message
	if m == nil {
		s.begin(subjectFence, nil)
		s.fence(it.Partition, it.Epoch)
		return
	}
	s.begin(m.Subject, m.Data)
	for _, f := range m.Header {
		s.set(f.Name, f.Value)
	}
	if m.TTL > 0 {
		seconds := (m.TTL + time.Second - 1) / time.Second
		s.set(headerTTL, strconv.FormatInt(int64(seconds), 10))
	}
	if m == &it.State {
		s.set(HeaderWriteID, it.id)
	}
	if m == &it.State && !it.Unconditional {
		s.set(headerExpected, strconv.FormatUint(it.Expected, 10))
	} else {
		s.fence(it.Partition, it.Epoch)
	}
}

// fence makes a message conditional on the epoch: the sequence of the owner record, named literally.
func (s *sheet) fence(partition int, epoch uint64) {
	s.set(headerExpected, strconv.FormatUint(epoch, 10))
	s.set(headerExpectedSubject, OwnerSubject(partition))
}

// acknowledge ends writes whose batch was stored from sequence first on.
func (l *lane) acknowledge(batch []*item, first uint64) {
	next := first
	for _, it := range batch {
		next += uint64(it.messages())
		l.finish(it, Result{Revision: next - 1})
	}
}

// settle asks the leader what has become of each write, ends those that are decided, and returns those to send again.
func (l *lane) settle(ctx context.Context, batch []*item) (again []*item, progress bool) {
	ctx, cancel := context.WithTimeout(ctx, l.journal.cfg.AckTimeout)
	defer cancel()
	subjects := make([]string, 0, len(batch)+1)
	for _, it := range batch {
		subjects = append(subjects, it.State.Subject)
	}
	owner := make(map[int]int) // partition -> index in subjects
	for _, it := range batch {
		if _, ok := owner[it.Partition]; !ok {
			owner[it.Partition] = len(subjects)
			subjects = append(subjects, OwnerSubject(it.Partition))
		}
	}
	records, err := l.journal.records.GetAll(ctx, subjects)
	if err != nil {
		l.journal.stats.retried(err)
		return batch, false // all of it is as unknown as before
	}
	for i, it := range batch {
		if r, decided := it.judge(records[i], records[owner[it.Partition]]); decided {
			l.end(it, r)
		} else {
			again = append(again, it)
		}
	}
	return again, len(again) < len(batch)
}

// judge decides a write by what the leader has: its record, and the owner record of its partition.
func (it *item) judge(record, owner *Record) (r Result, decided bool) {
	switch {
	case record != nil && record.WriteID() == it.id:
		return Result{Revision: record.Revision}, true
	case owner == nil || owner.Revision != it.Epoch:
		return Result{Err: &FencedError{it.Partition, it.Epoch}}, true
	case it.Unconditional:
		return Result{}, false
	case record == nil && it.Expected == 0, record != nil && record.Revision == it.Expected:
		return Result{}, false
	default:
		return Result{Err: &StaleError{Subject: it.State.Subject, Expected: it.Expected, Record: record}}, true
	}
}

// end ends a write and, when it was fenced, everything else of its epoch.
func (l *lane) end(it *item, r Result) {
	l.finish(it, r)
	if errors.Is(r.Err, ErrFenced) {
		l.journal.fenced(it.Partition, it.Epoch)
	}
}

// dropRevoked ends the writes whose epoch has ended meanwhile.
func (l *lane) dropRevoked(batch []*item) []*item {
	kept := batch[:0]
	for _, it := range batch {
		if l.journal.revoked(it.Partition, it.Epoch) {
			l.finish(it, Result{Err: &FencedError{it.Partition, it.Epoch}})
		} else {
			kept = append(kept, it)
		}
	}
	return kept
}

// isolate finds the write that the stream refuses for its content, by halves.
func (l *lane) isolate(ctx context.Context, batch []*item, err error) {
	if len(batch) == 1 {
		l.finish(batch[0], Result{Err: fmt.Errorf("bus: write to %s: %w", batch[0].State.Subject, err)})
		return
	}
	l.halves(ctx, batch)
}

func (l *lane) halves(ctx context.Context, batch []*item) {
	half := len(batch) / 2
	l.commit(ctx, batch[:half:half])
	l.commit(ctx, batch[half:])
}

// abandon ends writes whose outcome nobody will look for any more.
func (l *lane) abandon(batch []*item) {
	for _, it := range batch {
		l.finish(it, Result{Err: fmt.Errorf("%w; the outcome of the write to %s is unknown", ErrClosed, it.State.Subject)})
	}
}

// pause waits before the next attempt: exponential from RetryMin, at most RetryMax, half of it random. It reports whether
// ctx is still going.
func (l *lane) pause(ctx context.Context, attempt int) bool {
	cfg := &l.journal.cfg
	d := min(cfg.RetryMin<<min(attempt, 20), cfg.RetryMax)
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
