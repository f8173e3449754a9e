package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// JournalConfig says how a journal writes. The zero value works.
type JournalConfig struct {
	// Lanes is how many batches are in flight at most; a partition belongs to lane partition mod Lanes. A server allows 50
	// open batches per stream, over all workers; see [Journal.LimitBatches]. 0: 4.
	Lanes int
	// MaxBatchMessages limits a batch; 0: [MaxBatch], where a server stops unless configured otherwise.
	MaxBatchMessages int
	// MaxBatchBytes limits the payload of a batch; 0: 4 MiB. A single larger write goes alone.
	MaxBatchBytes int
	// QueueWrites is how many writes a lane holds, in flight or not, before Submit blocks; 0: 4,096.
	QueueWrites int
	// AckTimeout is how long a batch waits for its acknowledgement before its outcome counts as unknown; 0: 2 s.
	AckTimeout time.Duration
	// RetryMin and RetryMax bound the pause before a batch is tried again; 0: 10 ms and 500 ms.
	RetryMin, RetryMax time.Duration
	// OnFenced is told, once per partition and epoch, from a lane's goroutine, that an epoch has ended; it must not block.
	OnFenced func(partition int, epoch uint64)
}

func (c JournalConfig) withDefaults() JournalConfig {
	setDefault(&c.Lanes, 4)
	setDefault(&c.MaxBatchMessages, MaxBatch)
	setDefault(&c.MaxBatchBytes, 4<<20)
	setDefault(&c.QueueWrites, 4096)
	setDefault(&c.AckTimeout, 2*time.Second)
	setDefault(&c.RetryMin, 10*time.Millisecond)
	setDefault(&c.RetryMax, 500*time.Millisecond)
	return c
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func (c JournalConfig) validate() error {
	var faults []error
	between := func(name string, v, low, high int) {
		if v < low || v > high {
			faults = append(faults, fmt.Errorf("bus: journal: %s is %d, must be %d to %d", name, v, low, high))
		}
	}
	between("Lanes", c.Lanes, 1, Partitions)
	between("MaxBatchMessages", c.MaxBatchMessages, 2, 1<<20)
	between("MaxBatchBytes", c.MaxBatchBytes, 1, 1<<30)
	between("QueueWrites", c.QueueWrites, 1, 1<<24)
	if c.AckTimeout < 0 || c.RetryMin < 0 || c.RetryMax < c.RetryMin {
		faults = append(faults, errors.New("bus: journal: AckTimeout, RetryMin and RetryMax must be positive and in order"))
	}
	return errors.Join(faults...)
}

// Journal writes transitions of trackers: each atomically, only while the partition's epoch lasts, and only on the revision
// of the record that the transition started from. Many transitions share a batch, so that a sync of the disk is paid
// once for all of them; one that cannot be written never takes another one down. Writes of one
// record go out in the order of their Submit; between records there is no order.
//
// It stores nothing twice and drops nothing: an acknowledgement that does not arrive is settled by reading the record from
// the leader of the stream, and only what is proved not to be there is sent again, under the same condition.
type Journal struct {
	cfg     JournalConfig
	records *Records
	batches *BatchPublisher
	lanes   []*lane
	open    *gate // batches that the server has not answered yet
	ids     idSource
	fences  [Partitions]atomic.Uint64 // epochs up to here have ended
	stats   journalCounters

	running   atomic.Bool
	closed    chan struct{} // closed when Submit must not take any more
	closeOnce sync.Once
	publisher *nats.Conn
}

// idSource makes write IDs that are unique among all journals.
type idSource struct {
	prefix string
	next   atomic.Uint64
}

// NewJournal returns a journal that writes over nc once it runs. Writes may be submitted before.
func NewJournal(nc *nats.Conn, cfg JournalConfig) (*Journal, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	j := &Journal{
		cfg: cfg, publisher: nc, records: NewRecords(nc), closed: make(chan struct{}),
		ids: idSource{prefix: nuid.Next()}, open: newGate(cfg.Lanes),
	}
	for range cfg.Lanes {
		j.lanes = append(j.lanes, newLane(j))
	}
	return j, nil
}

// Run writes until ctx is done, then ends what is pending with [ErrClosed] and returns nil. It runs once; to end without
// losing writes, stop submitting, Flush, and only then end ctx.
func (j *Journal) Run(ctx context.Context) error {
	if !j.running.CompareAndSwap(false, true) {
		return errors.New("bus: journal: Run was called twice")
	}
	defer j.close()
	batches, err := NewBatchPublisher(j.publisher)
	if err != nil {
		j.close()
		for _, l := range j.lanes {
			l.drain()
		}
		return err
	}
	j.batches = batches
	var wg sync.WaitGroup
	for _, l := range j.lanes {
		wg.Go(func() { l.run(ctx) })
		wg.Go(func() { l.refuseRevoked(ctx) })
	}
	<-ctx.Done()
	j.close()
	wg.Wait()
	for _, l := range j.lanes {
		l.drain()
	}
	return batches.Close()
}

func (j *Journal) close() { j.closeOnce.Do(func() { close(j.closed) }) }

// Submit hands w to its lane and returns nil when Done will be called. It blocks while the lane is full, and fails with the
// cause of ctx, a [*FencedError] when the epoch is known to have ended, [ErrClosed], [ErrTooLarge], or an error that is
// [ErrInvalid] and says what is wrong with w; then Done is never called.
func (j *Journal) Submit(ctx context.Context, w Write) error {
	item, err := j.newItem(w)
	if err != nil {
		return err
	}
	if j.revoked(w.Partition, w.Epoch) {
		return &FencedError{w.Partition, w.Epoch}
	}
	return j.lanes[w.Partition%len(j.lanes)].submit(ctx, item)
}

// Flush returns once every write that was submitted before is done; without partitions it means all of them. It fails with
// the cause of ctx.
func (j *Journal) Flush(ctx context.Context, partitions ...int) error {
	var waits []<-chan struct{}
	if len(partitions) == 0 {
		for p := range Partitions {
			partitions = append(partitions, p)
		}
	}
	for _, p := range partitions {
		if p < 0 || p >= Partitions {
			return fmt.Errorf("%w: partition %d", ErrInvalid, p)
		}
		if w := j.lanes[p%len(j.lanes)].flushed(p); w != nil {
			waits = append(waits, w)
		}
	}
	for _, w := range waits {
		select {
		case <-w:
		case <-ctx.Done():
			return fmt.Errorf("bus: flush: %w", context.Cause(ctx))
		}
	}
	return nil
}

// LimitBatches has at most n batches, but one at least, in flight from now on, however many lanes there are: this journal's share
// of what the server takes from all workers together. It never blocks.
func (j *Journal) LimitBatches(n int) { j.open.resize(max(n, 1)) }

// Revoke ends epoch and all before it for a partition: writes that have not gone out fail at once with a [*FencedError],
// and so does every later one. A batch that is in flight still ends as the stream decides. OnFenced is not called.
func (j *Journal) Revoke(partition int, epoch uint64) {
	if j.revoke(partition, epoch) {
		j.lanes[partition%len(j.lanes)].wakeRefuser()
	}
}

// revoke reports whether epoch had not been revoked before.
func (j *Journal) revoke(partition int, epoch uint64) bool {
	fence := &j.fences[partition]
	for {
		old := fence.Load()
		if epoch <= old {
			return false
		}
		if fence.CompareAndSwap(old, epoch) {
			return true
		}
	}
}

func (j *Journal) revoked(partition int, epoch uint64) bool {
	return epoch <= j.fences[partition].Load()
}

// fenced notes that the stream refused an epoch, and tells so once.
func (j *Journal) fenced(partition int, epoch uint64) {
	if j.revoke(partition, epoch) {
		j.lanes[partition%len(j.lanes)].wakeRefuser()
		if j.cfg.OnFenced != nil {
			j.cfg.OnFenced(partition, epoch)
		}
	}
}
