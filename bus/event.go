package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Headers of events beside those of CloudEvents and trace context.
const (
	HeaderEpoch       = "Tracker-Epoch"
	HeaderIncarnation = "Tracker-Incarnation"
	HeaderWorker      = "Tracker-Worker"
)

// eventTypePrefix stands before an event's type in ce-type.
const eventTypePrefix = "tracker.v1."

// Event is one event of a transaction as its readers see it.
type Event struct {
	TransactionID ID              `json:"transaction_id"`
	Type          string          `json:"type"`
	N             uint64          `json:"n"`   // 1, 2, 3 … per transaction without gaps
	Run           uint64          `json:"run"` // counts the runs of the transaction
	At            time.Time       `json:"at"`
	Sequence      uint64          `json:"sequence"` // in the stream; read on from the next one
	Epoch         uint64          `json:"epoch"`
	Incarnation   uint64          `json:"incarnation"`
	Worker        string          `json:"worker"`
	TraceParent   string          `json:"traceparent,omitempty"`
	TraceState    string          `json:"tracestate,omitempty"`
	Data          json.RawMessage `json:"data"` // the whole body
}

// Terminal reports whether the event ends a run.
func (e *Event) Terminal() bool { return Status(e.Type).Terminal() }

// EventHeader returns the headers of an event: CloudEvents 1.0 in binary mode, the process that it comes from, and the
// trace context if there is one.
func EventHeader(fleet string, id ID, eventType string, n uint64, at time.Time, epoch, incarnation uint64, worker string,
	trace Trace,
) Header {
	token, number := id.Token(), strconv.FormatUint(n, 10)
	h := make(Header, 0, 13)
	h = append(h,
		HeaderField{"ce-specversion", "1.0"},
		HeaderField{"ce-id", token + "/" + number},
		HeaderField{"ce-source", "/tracker/" + url.PathEscape(fleet)},
		HeaderField{"ce-type", eventTypePrefix + eventType},
		HeaderField{"ce-subject", token},
		HeaderField{"ce-time", at.UTC().Format(time.RFC3339Nano)},
		HeaderField{"ce-sequence", number},
		HeaderField{"ce-datacontenttype", "application/json"},
		HeaderField{HeaderEpoch, strconv.FormatUint(epoch, 10)},
		HeaderField{HeaderIncarnation, strconv.FormatUint(incarnation, 10)},
		HeaderField{HeaderWorker, worker},
	)
	return trace.add(h)
}

// EventBody returns the body of an event: the common fields, meta if there is any, and the fields of data, which is nil
// or marshals to a JSON object without any of the common fields.
func EventBody(id ID, eventType string, n, run uint64, at time.Time, meta json.RawMessage, data any) ([]byte, error) {
	head, err := eventHead{id, eventType, n, run, at.UTC(), meta}.AppendJSON(make([]byte, 0, eventRoom+len(meta)))
	if err != nil || data == nil {
		return head, err
	}
	tail, err := Encode(data)
	if err != nil {
		return nil, err
	}
	switch kind := kindOf(tail); kind {
	case "object":
	case "null":
		return head, nil
	default:
		return nil, fmt.Errorf("%w: data of event %s is %s %T, not an object", ErrInternal, eventType, kind, data)
	}
	for name := range split(tail) {
		if common(name) {
			return nil, fmt.Errorf("%w: data of event %s has the common field %s", ErrInternal, eventType, name)
		}
	}
	if len(tail) == len("{}") {
		return head, nil
	}
	return append(append(head[:len(head)-1], ','), tail[1:]...), nil
}

// common reports whether a quoted name is that of a field that all events have.
func common(name []byte) bool {
	if bytes.IndexByte(name, '\\') >= 0 {
		text, _ := unquote(name)
		name = strconv.AppendQuote(nil, text)
	}
	switch string(name) {
	case `"transaction_id"`, `"type"`, `"n"`, `"run"`, `"at"`, `"meta"`:
		return true
	}
	return false
}

// eventHead is what the bodies of all events have.
type eventHead struct {
	TransactionID ID              `json:"transaction_id"`
	Type          string          `json:"type"`
	N             uint64          `json:"n"`
	Run           uint64          `json:"run"`
	At            time.Time       `json:"at"`
	Meta          json.RawMessage `json:"meta,omitempty"`
}

// eventRoom is more than most events take.
const eventRoom = 384

func (h eventHead) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Text("transaction_id", h.TransactionID.String())
	o.Text("type", h.Type)
	o.Number("n", h.N)
	o.Number("run", h.Run)
	o.Time("at", h.At)
	o.RawIf("meta", h.Meta)
	return o.End()
}

// ParseEvent reads an event from what the stream holds at sequence. The subject says what it is; the error is
// [ErrInvalid] if the body contradicts it or anything else is not as the contract says.
func ParseEvent(subject string, header nats.Header, body []byte, sequence uint64) (*Event, error) {
	id, eventType, n, err := ParseEventSubject(subject)
	if err != nil {
		return nil, err
	}
	var head eventHead
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, fmt.Errorf("%w: body of event %s: %w", ErrInvalid, subject, err)
	}
	if head.TransactionID != id || head.Type != eventType || head.N != n {
		return nil, fmt.Errorf("%w: body of event %s is that of another event", ErrInvalid, subject)
	}
	trace := TraceOf(header)
	e := &Event{
		TransactionID: id, Type: eventType, N: n, Run: head.Run, At: head.At, Sequence: sequence,
		Worker: header.Get(HeaderWorker), TraceParent: trace.Parent, TraceState: trace.State, Data: body,
	}
	if e.Epoch, err = strconv.ParseUint(header.Get(HeaderEpoch), 10, 64); err != nil {
		return nil, fmt.Errorf("%w: header %s of event %s: %w", ErrInvalid, HeaderEpoch, subject, err)
	}
	if e.Incarnation, err = strconv.ParseUint(header.Get(HeaderIncarnation), 10, 64); err != nil {
		return nil, fmt.Errorf("%w: header %s of event %s: %w", ErrInvalid, HeaderIncarnation, subject, err)
	}
	return e, nil
}

// ParseEventSubject reads the subject of an event, tracker.events.<token>.<type>.<n>. The error is [ErrInvalid].
func ParseEventSubject(subject string) (id ID, eventType string, n uint64, err error) {
	rest, ok := strings.CutPrefix(subject, "tracker.events.")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 3 || parts[1] == "" {
		return ID{}, "", 0, fmt.Errorf("%w: %q is not the subject of an event", ErrInvalid, subject)
	}
	if id, err = ParseToken(parts[0]); err != nil {
		return ID{}, "", 0, err
	}
	n, err = strconv.ParseUint(parts[2], 10, 64)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != parts[2] {
		return ID{}, "", 0, fmt.Errorf("%w: %q is not the number of an event", ErrInvalid, parts[2])
	}
	return id, parts[1], n, nil
}
