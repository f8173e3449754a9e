package bus

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
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

// Message is one message of a write. The journal owns the header map from Submit to Done and puts headers of its own there.
type Message struct {
	Subject string
	Header  nats.Header
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
	messages []*nats.Msg // events, then the state
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
	it := &item{Write: w, messages: make([]*nats.Msg, 0, len(w.Events)+1)}
	it.id = j.ids.prefix + "." + strconv.FormatUint(j.ids.next.Add(1), 36)
	for _, e := range w.Events {
		if err := it.add(e, j.publisher.MaxPayload()); err != nil {
			return nil, err
		}
		fence(it.messages[len(it.messages)-1].Header, w.Partition, w.Epoch)
	}
	if err := it.add(w.State, j.publisher.MaxPayload()); err != nil {
		return nil, err
	}
	state := it.messages[len(it.messages)-1].Header
	state[HeaderWriteID] = []string{it.id}
	if w.Unconditional {
		fence(state, w.Partition, w.Epoch)
	} else {
		state[headerExpected] = []string{strconv.FormatUint(w.Expected, 10)}
	}
	return it, nil
}

// headerReserve is room for the headers that a journal and the server add to a message.
const headerReserve = 1024

func (it *item) add(m Message, maxPayload int64) error {
	if err := checkSubject(m.Subject); err != nil {
		return err
	}
	if m.TTL < 0 {
		return fmt.Errorf("%w: write to %s: TTL %v is negative", ErrInvalid, m.Subject, m.TTL)
	}
	size := len(m.Data) + headerReserve
	if m.Header == nil {
		m.Header = make(nats.Header, 5)
	}
	for key, values := range m.Header {
		for _, v := range values {
			size += len(key) + len(v) + 4
		}
	}
	if maxPayload > 0 && int64(size) > maxPayload {
		return fmt.Errorf("%w: write to %s of %d bytes, the server takes %d", ErrTooLarge, m.Subject, size, maxPayload)
	}
	if m.TTL > 0 {
		seconds := (m.TTL + time.Second - 1) / time.Second
		m.Header[headerTTL] = []string{strconv.FormatInt(int64(seconds), 10)}
	}
	it.bytes += size
	it.messages = append(it.messages, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
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

// fence makes a message conditional on the epoch: the sequence of the owner record, named literally.
func fence(h nats.Header, partition int, epoch uint64) {
	h[headerExpected] = []string{strconv.FormatUint(epoch, 10)}
	h[headerExpectedSubject] = []string{OwnerSubject(partition)}
}
