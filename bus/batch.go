package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// MaxBatch is how many messages a server takes in one atomic batch unless it is configured otherwise.
const MaxBatch = 1000

// Headers of an atomic batch, see ADR-50.
const (
	headerBatchID       = "Nats-Batch-Id"
	headerBatchSequence = "Nats-Batch-Sequence"
	headerBatchCommit   = "Nats-Batch-Commit"
)

// BatchPublisher publishes messages to one stream atomically: all are stored with consecutive sequences, or none is. Its
// methods may be called from any goroutine; batches of one publisher are independent of each other.
type BatchPublisher struct {
	nc    *nats.Conn
	inbox string // prefix of the reply subjects, with the dot
	sub   *nats.Subscription

	mu      sync.Mutex
	next    uint64
	waiting map[string]chan *nats.Msg // by the last token of the reply subject
}

// NewBatchPublisher returns a publisher that uses nc and holds one subscription on it until Close.
func NewBatchPublisher(nc *nats.Conn) (*BatchPublisher, error) {
	p := &BatchPublisher{nc: nc, inbox: nc.NewInbox() + ".", waiting: make(map[string]chan *nats.Msg)}
	sub, err := nc.Subscribe(p.inbox+"*", p.receive)
	if err != nil {
		return nil, fmt.Errorf("bus: subscribe to acknowledgements: %w", err)
	}
	p.sub = sub
	return p, nil
}

// Close ends the subscription. Batches under way end with [ErrUnknownOutcome] when their contexts do.
func (p *BatchPublisher) Close() error {
	if err := p.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("bus: unsubscribe from acknowledgements: %w", err)
	}
	return nil
}

func (p *BatchPublisher) receive(m *nats.Msg) {
	token := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	p.mu.Lock()
	replies := p.waiting[token]
	p.mu.Unlock()
	if replies != nil {
		notify(replies, m)
	}
}

// Publish stores msgs atomically, in order, and returns the sequence of the first; the others follow it without gaps. It reads msgs
// and leaves them as they are. It fails with
//   - an [*APIError] when the stream refused: nothing of this attempt was stored or will be,
//   - [ErrUnknownOutcome] when ctx ended or the connection broke before an answer came,
//   - the error of the client when a message was not even sent: nothing was stored.
//
// A single message is published without a batch, which costs the server much less.
func (p *BatchPublisher) Publish(ctx context.Context, msgs []*nats.Msg) (first uint64, err error) {
	return p.publish(ctx, len(msgs), func(i int, s *sheet) {
		s.begin(msgs[i].Subject, msgs[i].Data)
		maps.Copy(s.msg.Header, msgs[i].Header)
	})
}

// publish is Publish of n messages, each of which write puts on the sheet when its turn comes.
func (p *BatchPublisher) publish(ctx context.Context, n int, write func(i int, s *sheet)) (first uint64, err error) {
	token, replies := p.expect()
	defer p.forget(token)
	before := p.nc.Stats().Reconnects
	if err := p.send(n, write, p.inbox+token); err != nil {
		return 0, fmt.Errorf("bus: publish: %w", err)
	}
	last, err := p.await(ctx, replies, before)
	if err != nil {
		return 0, err
	}
	return last - uint64(n) + 1, nil
}

func (p *BatchPublisher) expect() (token string, replies chan *nats.Msg) {
	// Two answers at most: the server's to the first message, and to the commit.
	replies = make(chan *nats.Msg, 2)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	token = strconv.FormatUint(p.next, 36)
	p.waiting[token] = replies
	return token, replies
}

func (p *BatchPublisher) forget(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, token)
}

// send publishes n messages. The first asks for a reply too, as only there the server says why it opens no batch.
func (p *BatchPublisher) send(n int, write func(i int, s *sheet), reply string) error {
	id := nuid.Next()
	s := sheets.Get().(*sheet)
	defer sheets.Put(s)
	for i := range n {
		write(i, s)
		if n > 1 {
			s.set(headerBatchID, id)
			s.set(headerBatchSequence, strconv.Itoa(i+1))
		}
		if i == n-1 && i > 0 {
			s.set(headerBatchCommit, "1")
		}
		if i == 0 || i == n-1 {
			s.msg.Reply = reply
		}
		if err := p.nc.PublishMsg(&s.msg); err != nil {
			return err
		}
	}
	return nil
}

// sheets holds what batches are written on.
var sheets = sync.Pool{New: func() any { return new(sheet) }}

// connectionCheck is how often a publisher that waits looks whether its connection was lost meanwhile.
const connectionCheck = 50 * time.Millisecond

// await returns the sequence in the acknowledgement of a commit. Once the connection was lost none can come: reconnects is
// how often that had happened before sending.
func (p *BatchPublisher) await(ctx context.Context, replies <-chan *nats.Msg, reconnects uint64) (uint64, error) {
	check := time.NewTicker(connectionCheck)
	defer check.Stop()
	for {
		select {
		case m := <-replies:
			if len(m.Data) == 0 && m.Header.Get("Status") == "" {
				continue // the batch is open
			}
			return parseAck(m)
		case <-check.C:
			if !p.nc.IsConnected() || p.nc.Stats().Reconnects != reconnects {
				return 0, fmt.Errorf("%w: connection lost", ErrUnknownOutcome)
			}
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ErrUnknownOutcome, context.Cause(ctx))
		}
	}
}

func parseAck(m *nats.Msg) (uint64, error) {
	if m.Header.Get("Status") == "503" {
		return 0, fmt.Errorf("bus: publish: %w", nats.ErrNoResponders)
	}
	var ack struct {
		Seq   uint64    `json:"seq"`
		Error *APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return 0, fmt.Errorf("%w: acknowledgement is not JSON: %w", ErrUnknownOutcome, err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	if ack.Seq == 0 {
		return 0, fmt.Errorf("%w: acknowledgement has no sequence", ErrUnknownOutcome)
	}
	return ack.Seq, nil
}
