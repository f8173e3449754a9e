package bus

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/nats-io/nats.go"
)

// HeaderRejected holds, as JSON in ASCII, all of a [Rejected] but its body.
const HeaderRejected = "Tracker-Rejected"

// Rejected is a start message that could not be understood, as tracker.rejected.<reason> keeps it: the body of the message
// is the original body, byte for byte, and the rest is in the header [HeaderRejected]. The original headers are there too,
// so that they do nothing where it is kept.
type Rejected struct {
	Error    *Error      `json:"error"`
	Subject  string      `json:"subject"`
	Sequence uint64      `json:"sequence"` // in TRACKER_STARTS
	At       time.Time   `json:"at"`       // when it was stored there
	Headers  nats.Header `json:"headers,omitempty"`
	// HeadersLeftOut and BodyBytesLeftOut say what did not fit beside the faults: a message may be as large as the server
	// allows already without them.
	HeadersLeftOut   bool   `json:"headers_left_out,omitempty"`
	BodyBytesLeftOut int    `json:"body_bytes_left_out,omitempty"`
	Body             []byte `json:"-"`
}

const (
	// maxRejectedHeaderBytes keeps the header within what JetStream stores, 64 KiB for all of them.
	maxRejectedHeaderBytes = 48 << 10
	// rejectedHeadroomBytes is left for headers that whoever publishes adds, and for the protocol.
	rejectedHeadroomBytes = 1 << 10
)

// Message returns the message that keeps r, on the subject of its reason. It always fits: if need be details of the error
// are left out, then headers, then the end of the body. maxPayload is that of the connection.
func (r Rejected) Message(maxPayload int64) (*nats.Msg, error) {
	body := r.Body
	if r.Error == nil {
		return nil, fmt.Errorf("%w: a rejected start has no error", ErrInternal)
	}
	for {
		header, err := r.header()
		if err != nil {
			return nil, err
		}
		room := int(maxPayload) - rejectedHeadroomBytes - len(HeaderRejected) - len(header)
		switch {
		case len(header) > maxRejectedHeaderBytes && len(r.Headers) > 0:
			r.Headers, r.HeadersLeftOut = nil, true
		case len(header) > maxRejectedHeaderBytes && len(r.Error.Details) > 1:
			short := *r.Error
			short.Details = short.Details[:len(short.Details)/2]
			r.Error = &short
		case len(body) > max(room, 0):
			r.BodyBytesLeftOut += len(body) - max(room-bodyNoteBytes, 0)
			body = body[:max(room-bodyNoteBytes, 0)]
		default:
			m := nats.NewMsg(RejectedSubject(string(r.Error.Code)))
			m.Data = body
			m.Header.Set(HeaderRejected, header)
			return m, nil
		}
	}
}

// bodyNoteBytes is what saying that the body was cut takes.
const bodyNoteBytes = 64

// header returns r without its body as JSON in ASCII.
func (r Rejected) header() (string, error) {
	encoded, err := Encode(r)
	if err != nil {
		return "", err
	}
	return asciiJSON(encoded), nil
}

// asciiJSON escapes every character of valid JSON that is not ASCII; outside of strings there is none.
func asciiJSON(encoded []byte) string {
	var b strings.Builder
	b.Grow(len(encoded))
	for _, r := range string(encoded) {
		switch {
		case r < 0x7f:
			b.WriteByte(byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// ParseRejected reads what [Rejected.Message] made. The error is [ErrInvalid].
func ParseRejected(header nats.Header, body []byte) (Rejected, error) {
	var r Rejected
	if err := json.Unmarshal([]byte(header.Get(HeaderRejected)), &r); err != nil {
		return r, fmt.Errorf("%w: header %s: %w", ErrInvalid, HeaderRejected, err)
	}
	r.Body = body
	return r, nil
}
