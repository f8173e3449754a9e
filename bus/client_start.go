package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// StartAck says where the stream of starts keeps an accepted start.
type StartAck struct {
	Stream   string `json:"stream"`
	Sequence uint64 `json:"seq"`
}

// Start asks for a tracker and returns once the request is stored: it will be tracked, however many workers and servers
// die. What only a worker can judge (is there such a source, are the params good, is the ID taken by another transaction)
// is told in events and rejected messages; use Spawn to hear it. Starting twice is starting once.
//
// It fails with [ErrInvalid] or [ErrTooLarge] before anything is sent, [ErrOverloaded] if the stream is full, and
// [ErrUnavailable] or [ErrTimeout] if the stream can't be reached.
func (c *Client) Start(ctx context.Context, r StartRequest) (StartAck, error) {
	body, err := new(startEncoder).encode(r)
	if err != nil {
		return StartAck{}, err
	}
	var ack StartAck
	err = c.insist(ctx, c.cfg.Silence, func(ctx context.Context, _ int) error {
		m, err := c.nc.RequestMsgWithContext(ctx, startMessage(r, body))
		if err != nil {
			return err
		}
		ack, err = readAck(m)
		return err
	})
	return ack, err
}

func startMessage(r StartRequest, body []byte) *nats.Msg {
	m := nats.NewMsg(SubjectStart)
	m.Data = body
	r.Trace.Put(m.Header)
	return m
}

// readAck reads what the stream answered to a start.
func readAck(m *nats.Msg) (StartAck, error) {
	var ack struct {
		StartAck
		Error *APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return StartAck{}, fmt.Errorf("%w: the stream's answer can't be read: %w", ErrInternal, err)
	}
	if ack.Error != nil {
		return StartAck{}, refusal(ack.Error)
	}
	if ack.Sequence == 0 || ack.Stream != StreamStarts {
		return StartAck{}, fmt.Errorf("%w: start was answered by %q, not by stream %s", ErrInternal, ack.Stream, StreamStarts)
	}
	return ack.StartAck, nil
}

// Error codes of JetStream that say that a stream has no room; see errors.json of nats-server.
const (
	jsInsufficientResources  = 10023
	jsStorageExceeded        = 10047
	jsStreamStoreFailed      = 10077 // maximum messages or bytes
	jsBatchTooMany           = 10210 // of batches that are open
	retryAfterFullStreamMSec = 1000
)

// refusal is the error of a start that the stream refused: nothing was stored.
func refusal(refused *APIError) error {
	switch refused.ErrCode {
	case jsInsufficientResources, jsStorageExceeded, jsStreamStoreFailed, jsBatchTooMany:
		return &Error{
			Code: CodeOverloaded, RetryAfterMS: retryAfterFullStreamMSec,
			Message: fmt.Sprintf("the stream takes no more starts: %s (%d)", refused.Description, refused.ErrCode),
		}
	}
	return Errorf(CodeUnavailable, "the stream refused the start: %s (%d)", refused.Description, refused.ErrCode)
}

// StartMany is Start for many, in atomic batches, which is some twenty times faster on a server that syncs always. All
// starts are checked before the first is sent; the faults of start i have paths that begin with "starts[i]". It returns how
// many were stored, counted from the first; with a nil error that is all of them. After [ErrTimeout] the batch that follows
// may be stored too; starting it again does no harm. Each batch has its own deadline if ctx has none.
func (c *Client) StartMany(ctx context.Context, starts []StartRequest) (stored int, err error) {
	bodies, err := encodeStarts(starts)
	if err != nil || len(bodies) == 0 {
		return 0, err
	}
	publisher, err := NewBatchPublisher(c.nc)
	if err != nil {
		return 0, clientError(err)
	}
	defer func() { err = errors.Join(err, publisher.Close()) }()
	for stored < len(bodies) {
		n := packed(bodies[stored:], maxBatchBytes)
		err := c.insist(ctx, bulkSilence*c.cfg.Silence, func(ctx context.Context, _ int) error {
			return startBatch(ctx, publisher, starts[stored:stored+n], bodies[stored:stored+n])
		})
		if err != nil {
			return stored, fmt.Errorf("bus: start %d: %w", stored, err)
		}
		stored += n
	}
	return stored, nil
}

// maxBatchBytes keeps a batch's upload well within the deadline of one attempt and within what a server buffers.
const maxBatchBytes = 4 << 20

// packed returns how many of bodies, at least 1, go together.
func packed(bodies [][]byte, most int) int {
	n, size := 0, 0
	for n < len(bodies) && n < MaxItems {
		if size += len(bodies[n]) + 1; n > 0 && size > most {
			break
		}
		n++
	}
	return n
}

func encodeStarts(starts []StartRequest) ([][]byte, error) {
	var all []Fault
	bodies := make([][]byte, len(starts))
	code := CodeTooLarge
	var encoder startEncoder
	for i, r := range starts {
		body, err := encoder.encode(r)
		if err == nil {
			bodies[i] = body
			continue
		}
		wire := WireError(err)
		if wire.Code != CodeTooLarge {
			code = CodeInvalid
		}
		for _, fault := range wire.Details {
			fault.Field = within("starts["+strconv.Itoa(i)+"]", fault.Field)
			all = append(all, fault)
		}
		if len(all) >= maxFaults {
			break
		}
	}
	if len(all) > 0 {
		return nil, faulty(code, all)
	}
	return bodies, nil
}

// within returns the path of field of the object at path.
func within(path, field string) string {
	if field == "" || field[0] == '[' {
		return path + field
	}
	return path + "." + field
}

func startBatch(ctx context.Context, publisher *BatchPublisher, starts []StartRequest, bodies [][]byte) error {
	msgs := make([]*nats.Msg, len(bodies))
	for i, body := range bodies {
		msgs[i] = startMessage(starts[i], body)
	}
	_, err := publisher.Publish(ctx, msgs)
	var refused *APIError
	switch {
	case errors.As(err, &refused):
		return refusal(refused)
	case errors.Is(err, ErrUnknownOutcome):
		return fmt.Errorf("%w: %w", nats.ErrTimeout, err) // may be stored; storing it again is harmless
	}
	return err
}
