package bus

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Headers of what a journal writes.
const (
	// HeaderWriteID names the write that left a record; it is how a lost acknowledgement is made up for.
	HeaderWriteID = "Tracker-Write-Id"

	headerExpected        = "Nats-Expected-Last-Subject-Sequence"
	headerExpectedSubject = "Nats-Expected-Last-Subject-Sequence-Subject"
	headerTTL             = "Nats-TTL"
)

// subjectFence is where a batch carries the fence of a partition that has nothing else to carry it: one message can have
// one condition only, and a record's is its revision. What is stored there means nothing.
const subjectFence = "tracker.fleet.cursor.fence"

// maxSubjectBytes keeps subjects far from the server's limit of a protocol line, beyond which it closes the connection.
const maxSubjectBytes = 512

// Message is one message of a write. The journal puts headers of its own beside those of Header.
type Message struct {
	Subject string
	Header  Header
	Data    []byte
	TTL     time.Duration // after which the stream forgets it, rounded up to seconds; 0: never
}

// Write is one transition: its events and the record that it leaves, stored together or not at all.
type Write struct {
	Partition int
	Epoch     uint64    // under which the writer owns Partition; the stream refuses any other
	Events    []Message // may be empty
	State     Message
	// Expected is the revision of the record that State replaces; 0: there must be none.
	Expected uint64
	// Unconditional leaves Expected out, for records that one owner writes over and over, such as cursors. Without
	// events, a later write must not depend on an earlier one whose outcome it has not seen.
	Unconditional bool
	// Done is called exactly once, from a goroutine of the journal, and must not block.
	Done func(Result)
}

// Result is how a [Write] ended. Err is nil and Revision the record's new revision, or Err is a [*FencedError], a
// [*StaleError], an error that is [ErrClosed], or an [*APIError] that blames one of the messages.
type Result struct {
	Revision uint64
	Err      error
}

// item is a write on its way.
type item struct {
	Write
	id       string
	bytes    int
	sequence uint64 // in its lane
}

func (j *Journal) newItem(w Write) (*item, error) {
	switch {
	case w.Partition < 0 || w.Partition >= Partitions:
		return nil, fmt.Errorf("%w: write: partition %d", ErrInvalid, w.Partition)
	case w.Epoch == 0:
		return nil, fmt.Errorf("%w: write: epoch is missing", ErrInvalid)
	case w.Done == nil:
		return nil, fmt.Errorf("%w: write: Done is missing", ErrInvalid)
	case len(w.Events)+2 > j.cfg.MaxBatchMessages:
		return nil, fmt.Errorf("%w: write of %d events, a batch takes %d messages", ErrTooLarge, len(w.Events), j.cfg.MaxBatchMessages)
	}
	it := &item{Write: w}
	it.id = j.ids.prefix + "." + strconv.FormatUint(j.ids.next.Add(1), 36)
	for i := range w.Events {
		if err := it.check(&w.Events[i], j.publisher.MaxPayload()); err != nil {
			return nil, err
		}
	}
	if err := it.check(&it.State, j.publisher.MaxPayload()); err != nil {
		return nil, err
	}
	return it, nil
}

// messages returns of how many messages the write is.
func (it *item) messages() int { return len(it.Events) + 1 }

// headerReserve is room for the headers that a journal and the server add to a message.
const headerReserve = 1024

// check refuses what cannot be published, and counts the bytes of the rest.
func (it *item) check(m *Message, maxPayload int64) error {
	if err := checkSubject(m.Subject); err != nil {
		return err
	}
	if m.TTL < 0 {
		return fmt.Errorf("%w: write to %s: TTL %v is negative", ErrInvalid, m.Subject, m.TTL)
	}
	size := len(m.Data) + headerReserve
	for _, f := range m.Header {
		size += len(f.Name) + len(f.Value) + 4
	}
	if maxPayload > 0 && int64(size) > maxPayload {
		return fmt.Errorf("%w: write to %s of %d bytes, the server takes %d", ErrTooLarge, m.Subject, size, maxPayload)
	}
	it.bytes += size
	return nil
}

// checkSubject refuses what would break the connection or be stored where nobody looks.
func checkSubject(s string) error {
	if s == "" || len(s) > maxSubjectBytes || strings.ContainsAny(s, " *>\t\r\n\x00") ||
		strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return fmt.Errorf("%w: write: subject %.80q cannot be published to", ErrInvalid, s)
	}
	return nil
}

// carriesFence reports whether one of the messages has the partition's fence as its condition.
func (it *item) carriesFence() bool { return it.Unconditional || len(it.Events) > 0 }
