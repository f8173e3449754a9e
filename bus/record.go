package bus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Record is one message of the stream TRACKER: what the last write to its subject left.
type Record struct {
	Subject  string
	Revision uint64 // the sequence in the stream, which the next write expects
	Header   nats.Header
	Data     []byte
	Time     time.Time // when it was stored, by the server's clock
}

// WriteID returns which write of a journal left the record.
func (r *Record) WriteID() string {
	if v := r.Header[HeaderWriteID]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// leaderReads is how many reads of [Records.GetAll] are under way at once. The server drops API requests in heaps of
// 10,000 and takes a few hundred at their full speed.
const leaderReads = 256

// readTimeout is how long a read waits for the next piece of its answer, and readAgain how long before it asks again: a
// stream without a leader answers nothing, and a server that is overrun drops requests.
const (
	readTimeout = 5 * time.Second
	readAgain   = 500 * time.Millisecond
)

// errNoAnswer says that nobody answered a read in time.
var errNoAnswer = errors.New("bus: no answer from the stream")

// nextReply returns the next message of sub. It fails with the cause of ctx, or with errNoAnswer after d.
func nextReply(ctx context.Context, sub *nats.Subscription, d time.Duration) (*nats.Msg, error) {
	limited, cancel := context.WithTimeoutCause(ctx, d, errNoAnswer)
	defer cancel()
	m, err := sub.NextMsgWithContext(limited)
	if m == nil && limited.Err() != nil {
		return nil, context.Cause(limited)
	}
	return m, err
}

// Records reads the stream TRACKER. Its methods may be called from any goroutine.
type Records struct{ nc *nats.Conn }

// NewRecords returns a reader that uses nc.
func NewRecords(nc *nats.Conn) *Records { return &Records{nc: nc} }

// replies subscribes to the answer of one read, with room for so many messages that were not taken yet; more than that is an
// error of the next one. nats.go would make room for 65,536, half a megabyte for each read, and there are hundreds in a takeover.
func (r *Records) replies(subject string, room int) (*nats.Subscription, error) {
	return r.nc.ChanSubscribe(subject, make(chan *nats.Msg, room))
}

// Get returns the last record of a subject, nil when there is none. It asks the leader of the stream: every write that was
// acknowledged before is seen.
func (r *Records) Get(ctx context.Context, subject string) (*Record, error) {
	all, err := r.GetAll(ctx, []string{subject})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// GetAll is [Records.Get] of many subjects: entry i of the result belongs to subjects[i]. It reads each on its own, not all
// at one time, and asks again what a change of the stream's leader left unanswered.
func (r *Records) GetAll(ctx context.Context, subjects []string) ([]*Record, error) {
	prefix := r.nc.NewInbox() + "."
	sub, err := r.replies(prefix+"*", 2*leaderReads)
	if err != nil {
		return nil, fmt.Errorf("bus: read records: %w", err)
	}
	defer sub.Unsubscribe()
	records := make([]*Record, len(subjects))
	open := make(map[int]bool, leaderReads) // asked for, not answered
	deadline := time.Now().Add(readTimeout)
	for next, got := 0, 0; got < len(subjects); {
		for ; next < len(subjects) && len(open) < leaderReads; next++ {
			open[next] = true
			if err := r.ask(subjects[next], prefix+strconv.Itoa(next)); err != nil {
				return nil, fmt.Errorf("bus: read %s: %w", subjects[next], err)
			}
		}
		m, err := nextReply(ctx, sub, readAgain)
		if errors.Is(err, errNoAnswer) && time.Now().Before(deadline) {
			if err := r.askAgain(subjects, open, prefix); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("bus: read records: %w", err)
		}
		i, err := strconv.Atoi(m.Subject[len(prefix):])
		if err != nil || !open[i] {
			continue // answered twice
		}
		if records[i], err = parseRecord(m); apiCode(err) == codeClusterNotAvailable {
			continue // asked again when nothing else comes
		}
		if err != nil {
			return nil, fmt.Errorf("bus: read %s: %w", subjects[i], err)
		}
		delete(open, i)
		got++
		deadline = time.Now().Add(readTimeout)
	}
	return records, nil
}

func (r *Records) askAgain(subjects []string, open map[int]bool, prefix string) error {
	for i := range open {
		if err := r.ask(subjects[i], prefix+strconv.Itoa(i)); err != nil {
			return fmt.Errorf("bus: read %s: %w", subjects[i], err)
		}
	}
	return nil
}

func (r *Records) ask(subject, reply string) error {
	body, err := json.Marshal(struct {
		Last string `json:"last_by_subj"`
	}{subject})
	if err != nil {
		return err
	}
	return r.nc.PublishRequest("$JS.API.STREAM.MSG.GET."+StreamTracker, reply, body)
}

// parseRecord reads the reply of STREAM.MSG.GET; nil is a subject without a record.
func parseRecord(m *nats.Msg) (*Record, error) {
	if m.Header.Get("Status") == "503" {
		return nil, nats.ErrNoResponders
	}
	var reply struct {
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
		Error *APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return nil, err
	}
	if reply.Error != nil {
		if reply.Error.ErrCode == codeNoMessage {
			return nil, nil
		}
		return nil, reply.Error
	}
	if reply.Message == nil {
		return nil, errors.New("reply has no message")
	}
	msg := reply.Message
	header, err := parseHeader(msg.Header)
	if err != nil {
		return nil, err
	}
	return &Record{Subject: msg.Subject, Revision: msg.Seq, Header: header, Data: msg.Data, Time: msg.Time}, nil
}

// parseHeader reads the wire form of NATS headers and keeps the letter case of the keys.
func parseHeader(b []byte) (nats.Header, error) {
	if len(b) == 0 {
		return nil, nil
	}
	header := nats.Header{}
	lines := textproto.NewReader(bufio.NewReader(bytes.NewReader(b)))
	if line, err := lines.ReadLine(); err != nil || !strings.HasPrefix(line, "NATS/1.0") {
		return nil, errors.New("header is broken")
	}
	for {
		line, err := lines.ReadLine()
		if err != nil || line == "" {
			return header, nil
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, errors.New("header is broken")
		}
		header[key] = append(header[key], strings.TrimSpace(value))
	}
}
