package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// Holding names a partition and the epoch under which the reader owns it.
type Holding struct {
	Partition int
	Epoch     uint64
}

// scanShare is the share of all partitions (one in so many) from which on one scan of everything is faster than asking for
// each partition.
const scanShare = 4

// partitionsAtOnce is how many partitions one question is about at first. The server collects all that a question matches before it
// says that this is too much.
const partitionsAtOnce = 8

// replicaPause is how long a read waits for a replica that has not got the claim yet.
const replicaPause = 20 * time.Millisecond

// Load returns the state records of partitions, each record once, in no order. Every write under an earlier epoch is seen:
// a replica that does not have the claim yet is asked again until it has. The sequence ends after its first error: a
// [*FencedError] when a partition has another owner by now, the cause of ctx, or the error of a request.
func (r *Records) Load(ctx context.Context, held ...Holding) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		err := r.load(ctx, held, func(rec *Record) bool { return yield(rec, nil) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, fmt.Errorf("bus: load records: %w", err))
		}
	}
}

// errEnough ends a load whose reader wants no more.
var errEnough = errors.New("bus: reader has enough")

func (r *Records) load(ctx context.Context, held []Holding, yield func(*Record) bool) error {
	for _, h := range held {
		if h.Partition < 0 || h.Partition >= Partitions || h.Epoch == 0 {
			return fmt.Errorf("%w: partition %d, epoch %d", ErrInvalid, h.Partition, h.Epoch)
		}
	}
	if len(held) >= Partitions/scanShare {
		return r.scan(ctx, held, yield)
	}
	return r.loadPartitions(ctx, held, yield)
}

// askPartitions asks for a few partitions at once, for ever fewer where the server says that is too much, and for groups of slots
// where it says so of a single one. It hands each answer on.
func (r *Records) askPartitions(ctx context.Context, held []Holding, hand func([]*Record) bool) error {
	size := partitionsAtOnce
	for len(held) > 0 {
		group := held[:min(size, len(held))]
		subjects := make([]string, len(group))
		for i, h := range group {
			subjects[i] = "tracker.fleet.state." + strconv.Itoa(h.Partition) + ".*.*"
		}
		records, err := r.readGroup(ctx, group, subjects)
		switch {
		case errors.Is(err, errTooMany) && len(group) > 1:
			size = len(group) / 2
			continue
		case errors.Is(err, errTooMany):
			err = r.loadSlots(ctx, group[0], slotsOf(group[0].Partition), hand)
		case err == nil && !hand(records):
			err = errEnough
		}
		if err != nil {
			return err
		}
		held = held[len(group):]
	}
	return nil
}

func slotsOf(partition int) []int {
	slots := make([]int, 0, Slots/Partitions)
	for slot := partition; slot < Slots; slot += Partitions {
		slots = append(slots, slot)
	}
	return slots
}

func (r *Records) loadSlots(ctx context.Context, h Holding, slots []int, hand func([]*Record) bool) error {
	if len(slots) == 1 {
		return r.loadSlot(ctx, h, slots[0], func(rec *Record) bool { return hand([]*Record{rec}) })
	}
	half := len(slots) / 2
	for _, group := range [][]int{slots[:half], slots[half:]} {
		subjects := make([]string, len(group))
		for i, slot := range group {
			subjects[i] = slotSubject(h.Partition, slot)
		}
		records, err := r.readGroup(ctx, []Holding{h}, subjects)
		switch {
		case errors.Is(err, errTooMany):
			err = r.loadSlots(ctx, h, group, hand)
		case err == nil && !hand(records):
			err = errEnough
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadSlot reads a slot that alone has more records than an answer holds.
func (r *Records) loadSlot(ctx context.Context, h Holding, slot int, yield func(*Record) bool) error {
	return r.scanSubjects(ctx, []Holding{h}, yield, slotSubject(h.Partition, slot), OwnerSubject(h.Partition))
}

func slotSubject(partition, slot int) string {
	return "tracker.fleet.state." + strconv.Itoa(partition) + "." + strconv.Itoa(slot) + ".*"
}

// errTooMany says that subjects match more records than one answer holds.
var errTooMany = errors.New("bus: too many records for one answer")

// readGroup returns the records that match subjects of held partitions, from a replica that has every claim of them.
func (r *Records) readGroup(ctx context.Context, held []Holding, subjects []string) ([]*Record, error) {
	// The owner records are part of the question: they show how far the replica is, at the very moment of the answer.
	question := make([]string, 0, len(held)+len(subjects))
	for _, h := range held {
		question = append(question, OwnerSubject(h.Partition))
	}
	body, err := json.Marshal(struct {
		MultiLast []string `json:"multi_last"`
	}{append(question, subjects...)})
	if err != nil {
		return nil, err
	}
	for {
		all, err := r.directRead(ctx, body)
		if err != nil {
			return nil, err
		}
		records, epochs := splitOwners(all)
		behind := false
		for _, h := range held {
			if epochs[h.Partition] > h.Epoch {
				return nil, &FencedError{h.Partition, h.Epoch}
			}
			behind = behind || epochs[h.Partition] < h.Epoch
		}
		if !behind {
			return records, nil
		}
		if err := wait(ctx, replicaPause); err != nil {
			return nil, err
		}
	}
}

// splitOwners takes the owner records out of an answer and returns the others, and the epochs by partition.
func splitOwners(all []*Record) (records []*Record, epochs map[int]uint64) {
	epochs = make(map[int]uint64)
	for _, rec := range all {
		if partition, owner := recordPartition(rec.Subject); owner {
			epochs[partition] = rec.Revision
			continue
		}
		records = append(records, rec)
	}
	return records, epochs
}

// directMatches is the most that a server answers to one direct get; to a question that more matches it answers 413.
const directMatches = 1024

// directRead returns all messages of one direct get answer; it fails with [errTooMany] rather than return a part.
func (r *Records) directRead(ctx context.Context, body []byte) ([]*Record, error) {
	inbox := r.nc.NewInbox()
	sub, err := r.replies(inbox, 2*directMatches)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := r.nc.PublishRequest("$JS.API.DIRECT.GET."+StreamTracker, inbox, body); err != nil {
		return nil, err
	}
	var records []*Record
	expected := -1
	for {
		m, err := nextReply(ctx, sub, readTimeout)
		if err != nil {
			return nil, err
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204":
			pending := m.Header.Get("Nats-Num-Pending")
			if pending != "0" {
				return nil, errTooMany
			}
			if len(records) != expected {
				return nil, fmt.Errorf("answer of %d records is incomplete: %d arrived", expected, len(records))
			}
			return records, nil
		case "404":
			return nil, nil
		case "413":
			return nil, errTooMany
		case "503":
			return nil, nats.ErrNoResponders
		default:
			return nil, fmt.Errorf("direct get: %s %s", status, m.Header.Get("Description"))
		}
		rec, pending, err := directRecord(m)
		if err != nil {
			return nil, err
		}
		if expected < 0 {
			expected = pending + 1
		}
		records = append(records, rec)
	}
}

// directRecord takes a record out of the message and the server's headers out of the record's.
func directRecord(m *nats.Msg) (rec *Record, pending int, err error) {
	rec = &Record{Subject: m.Header.Get("Nats-Subject"), Header: m.Header, Data: m.Data}
	if rec.Revision, err = strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64); err != nil {
		return nil, 0, fmt.Errorf("direct get: sequence: %w", err)
	}
	if rec.Time, err = time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp")); err != nil {
		return nil, 0, fmt.Errorf("direct get: time: %w", err)
	}
	if pending, err = strconv.Atoi(m.Header.Get("Nats-Num-Pending")); err != nil {
		return nil, 0, fmt.Errorf("direct get: pending: %w", err)
	}
	for _, key := range []string{
		"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence",
	} {
		delete(m.Header, key)
	}
	return rec, pending, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
