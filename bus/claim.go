package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// OwnerState says whether a partition's owner still holds it.
type OwnerState string

// The values of [OwnerState].
const (
	Owned    OwnerState = "owned"
	Released OwnerState = "released"
)

// Owner is the owner record of one partition. A partition that never had one has the zero Epoch and no worker.
type Owner struct {
	Partition int    `json:"-"`
	Epoch     uint64 `json:"-"` // the sequence of the record: every change of ownership begins a new epoch

	Worker      string     `json:"worker"`
	Incarnation string     `json:"incarnation"` // of the worker: its nonce, another one after each start
	State       OwnerState `json:"state"`
	To          string     `json:"to,omitempty"` // whom a released partition is meant for; empty: anybody
	// Before is the epoch under which the owner held the partition in the stream that this one has taken the place of, if that is
	// what it claims it for; see [Claims.Reclaim].
	Before uint64 `json:"before,omitempty"`
}

// Holding returns what o's owner needs to load records.
func (o Owner) Holding() Holding { return Holding{Partition: o.Partition, Epoch: o.Epoch} }

// HeldBy reports whether o is owned by exactly this incarnation of worker.
func (o Owner) HeldBy(worker, incarnation string) bool {
	return o.State == Owned && o.Worker == worker && o.Incarnation == incarnation
}

// claimTimeout is how long one attempt at changing owner records waits for its acknowledgement.
const claimTimeout = 2 * time.Second

// Claims reads and changes who owns the partitions. Its methods may be called from any goroutine.
type Claims struct {
	records *Records
	batches *BatchPublisher
}

// NewClaims returns claims over nc; it holds a subscription until Close.
func NewClaims(nc *nats.Conn) (*Claims, error) {
	batches, err := NewBatchPublisher(nc)
	if err != nil {
		return nil, err
	}
	return &Claims{records: NewRecords(nc), batches: batches}, nil
}

// Close ends the subscription.
func (c *Claims) Close() error { return c.batches.Close() }

// Owners returns the owner of every partition, by partition, as the leader of the stream has them.
func (c *Claims) Owners(ctx context.Context) ([]Owner, error) {
	partitions := make([]int, Partitions)
	for p := range partitions {
		partitions[p] = p
	}
	return c.OwnersOf(ctx, partitions...)
}

// OwnersOf is [Claims.Owners] of some partitions, in the order asked for.
func (c *Claims) OwnersOf(ctx context.Context, partitions ...int) ([]Owner, error) {
	subjects := make([]string, len(partitions))
	for i, p := range partitions {
		subjects[i] = OwnerSubject(p)
	}
	records, err := c.records.GetAll(ctx, subjects)
	if err != nil {
		return nil, fmt.Errorf("bus: read owners: %w", err)
	}
	owners := make([]Owner, len(partitions))
	for i, rec := range records {
		owners[i] = parseOwner(partitions[i], rec)
	}
	return owners, nil
}

// parseOwner reads an owner record. One that cannot be read names nobody, so that it can be claimed like any other.
func parseOwner(partition int, rec *Record) Owner {
	if rec == nil {
		return Owner{Partition: partition}
	}
	var o Owner
	if err := json.Unmarshal(rec.Data, &o); err != nil {
		o = Owner{}
	}
	o.Partition, o.Epoch = partition, rec.Revision
	return o
}

// Claim makes this incarnation of worker the owner of partitions whose owner records are still as seen. It returns them
// with their new epochs, and the others as they are by now. When it fails, some may have been claimed: they name worker
// and incarnation in their owner records.
func (c *Claims) Claim(ctx context.Context, worker, incarnation string, seen ...Owner) (won, lost []Owner, err error) {
	return c.change(ctx, seen, func(o Owner) Owner {
		return Owner{Partition: o.Partition, Worker: worker, Incarnation: incarnation, State: Owned}
	})
}

// Release gives up partitions, for the worker named to or, when it is empty, for anybody. It returns those that were still
// held, and the others as they are by now.
func (c *Claims) Release(ctx context.Context, to string, held ...Owner) (released, lost []Owner, err error) {
	return c.change(ctx, held, func(o Owner) Owner {
		o.State, o.To = Released, to
		return o
	})
}

// watchAgain is the pause before the owner records are read again after the stream could not be.
const watchAgain = 250 * time.Millisecond

// Watch calls each with the owner record of every partition that has one, and then with every change as it happens, until
// ctx is done; then it returns nil. While the stream cannot be read it tries again, and tells all of them anew. What it tells may
// be a little behind: claims are decided by [Claims.Claim] alone. It fails when the connection is closed.
func (c *Claims) Watch(ctx context.Context, each func(Owner)) error {
	for {
		err := c.watch(ctx, each)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("bus: watch owners: %w", err)
		}
		if wait(ctx, watchAgain) != nil {
			return nil
		}
	}
}

// watch tells of the owner records until the stream cannot be read or ctx is done.
func (c *Claims) watch(ctx context.Context, each func(Owner)) error {
	feed, err := c.records.feed(ctx, jetstream.ConsumerConfig{
		FilterSubjects: []string{SubjectOwners},
		DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
	})
	if err != nil {
		return err
	}
	defer feed.Stop()
	for {
		rec, err := nextRecord(feed, jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if partition, _ := recordPartition(rec.Subject); partition >= 0 {
			each(parseOwner(partition, rec))
		}
	}
}

// claimWrite is a change of one owner record on its way.
type claimWrite struct {
	seen Owner
	next Owner
	id   string
	msg  *nats.Msg
}

func newClaimWrite(seen, next Owner) (*claimWrite, error) {
	if seen.Partition < 0 || seen.Partition >= Partitions {
		return nil, fmt.Errorf("%w: partition %d", ErrInvalid, seen.Partition)
	}
	body, err := json.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("bus: encode owner record: %w", err)
	}
	w := &claimWrite{seen: seen, next: next, id: nuid.Next()}
	w.msg = &nats.Msg{Subject: OwnerSubject(seen.Partition), Data: body, Header: nats.Header{
		headerExpected: {strconv.FormatUint(seen.Epoch, 10)},
		HeaderWriteID:  {w.id},
	}}
	return w, nil
}
