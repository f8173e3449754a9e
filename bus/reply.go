package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// Headers of an error reply, those of the NATS micro services.
const (
	HeaderError     = micro.ErrorHeader
	HeaderErrorCode = micro.ErrorCodeHeader
)

// StatusError is the status of an error reply.
const StatusError = "error"

// ErrorBody is the body of an error reply.
type ErrorBody struct {
	Status string `json:"status"` // StatusError
	Error  *Error `json:"error"`
}

// DefaultInboxPrefixes are those of NATS clients, and of the users that security.conf gives inboxes of their own.
func DefaultInboxPrefixes() []string { return slices.Clone(defaultInboxPrefixes) }

var defaultInboxPrefixes = []string{"_INBOX.", "_INBOX_"}

// Responder answers requests. It sends to inboxes only: a reply subject is the caller's choice, and "tracker.start" or
// "$JS.API.STREAM.PURGE.TRACKER" there would make the worker do with its own rights what the caller has no right to do.
// The zero Responder is ready to use; it is safe for concurrent use.
type Responder struct {
	// InboxPrefixes are what a reply subject may begin with. Empty means DefaultInboxPrefixes.
	InboxPrefixes []string
	// MaxReplyBytes is the largest body that can be sent, the connection's MaxPayload less headers. 0 means MaxBulkBytes
	// less 4 KiB, which fits the default of nats-server.
	MaxReplyBytes int
}

// Request is a request that can be answered; micro.Request is one, and [MessageRequest] makes one from a message. Nobody keeps a body:
// it is written over once Respond has returned.
type Request interface {
	Reply() string
	Respond(body []byte, opts ...micro.RespondOpt) error
	Error(code, description string, body []byte, opts ...micro.RespondOpt) error
}

// CheckReply reports why nothing may be sent to the reply subject of a request. The error is [ErrReplySubject].
func (r *Responder) CheckReply(reply string) error {
	prefixes := r.InboxPrefixes
	if len(prefixes) == 0 {
		prefixes = defaultInboxPrefixes
	}
	inbox := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(reply, p) && len(reply) > len(p) })
	if !inbox || len(reply) > maxReplySubjectBytes || !plainSubject(reply) {
		return fmt.Errorf("%w: %q", ErrReplySubject, clip(reply, maxFieldBytes))
	}
	return nil
}

// maxReplySubjectBytes is far above any client's inbox and far below what a NATS server takes for an attack.
const maxReplySubjectBytes = 512

// plainSubject reports whether s can be published to: no empty tokens, wild cards, or bytes that end a protocol line.
func plainSubject(s string) bool {
	begin := 0 // of the token
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == '.':
			if token := s[begin:i]; token == "" || token == "*" || token == ">" {
				return false
			}
			begin = i + 1
		case s[i] <= ' ' || s[i] == 0x7f:
			return false
		}
	}
	return true
}

// Respond answers with body as JSON. A body larger than MaxReplyBytes is answered as [ErrTooLarge] instead. The error is
// [ErrReplySubject] if nothing was sent because of where it would have gone: count it.
func (r *Responder) Respond(to Request, body any) error {
	if err := r.CheckReply(to.Reply()); err != nil {
		return err
	}
	scratch := answers.Get().(*[]byte)
	defer answers.Put(scratch)
	encoded, err := appendEncoded((*scratch)[:0], body)
	if err != nil {
		return errors.Join(err, r.RespondError(to, ErrInternal))
	}
	if cap(encoded) <= keptAnswerBytes {
		*scratch = encoded
	}
	if limit := r.limit(); len(encoded) > limit {
		return r.RespondError(to, Errorf(CodeTooLarge, "the answer has %d bytes, at most %d can be sent", len(encoded), limit))
	}
	return to.Respond(encoded)
}

// answers holds the room that answers are written in: who sends one has copied it when it returns. What is larger than
// keptAnswerBytes is not kept.
var answers = sync.Pool{New: func() any { return new([]byte) }}

const keptAnswerBytes = 16 << 10

// RespondError answers with the wire form of cause; see [WireError]. A nil cause is a mistake of the caller's, answered as
// [ErrInternal].
func (r *Responder) RespondError(to Request, cause error) error {
	wire := WireError(cause)
	if wire == nil {
		wire = WireError(ErrInternal)
	}
	return r.respondFault(to, wire, ErrorBody{Status: StatusError, Error: wire})
}

// RespondLookup answers a lookup. Unavailable is an error reply too, so that callers that only know errors see it.
func (r *Responder) RespondLookup(to Request, reply LookupReply) error {
	if reply.Status != LookupUnavailable {
		return r.Respond(to, reply)
	}
	if reply.Error == nil {
		reply.Error = Errorf(CodeUnavailable, "the state of the transaction can't be known now")
	}
	return r.respondFault(to, reply.Error, reply)
}

func (r *Responder) respondFault(to Request, wire *Error, body any) error {
	if err := r.CheckReply(to.Reply()); err != nil {
		return err
	}
	encoded, err := Encode(body)
	if err != nil {
		return err
	}
	return to.Error(strconv.Itoa(wire.Number()), headerText(wire.Message), encoded)
}

func (r *Responder) limit() int {
	if r.MaxReplyBytes > 0 {
		return r.MaxReplyBytes
	}
	return MaxBulkBytes - 4<<10
}

// headerText returns s as it can stand in a header: ASCII without control characters, never empty.
func headerText(s string) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, clip(s, maxFieldBytes))
	if text = strings.TrimSpace(text); text == "" {
		return StatusError
	}
	return text
}

// MessageRequest makes a request that came as a plain message answerable.
func MessageRequest(m *nats.Msg) Request { return messageRequest{m} }

type messageRequest struct{ msg *nats.Msg }

func (q messageRequest) Reply() string { return q.msg.Reply }

func (q messageRequest) Respond(body []byte, opts ...micro.RespondOpt) error {
	return q.send(&nats.Msg{Data: body}, opts)
}

func (q messageRequest) Error(code, description string, body []byte, opts ...micro.RespondOpt) error {
	return q.send(&nats.Msg{Data: body, Header: nats.Header{HeaderError: {description}, HeaderErrorCode: {code}}}, opts)
}

func (q messageRequest) send(reply *nats.Msg, opts []micro.RespondOpt) error {
	for _, opt := range opts {
		opt(reply)
	}
	if err := q.msg.RespondMsg(reply); err != nil {
		return fmt.Errorf("bus: respond: %w", err)
	}
	return nil
}

// ReadReply reads the answer to a request into reply, a pointer. If it is an error reply, the error is the [*Error] that
// it carries; an answer that can't be read is [ErrInternal].
func ReadReply(m *nats.Msg, reply any) error {
	if err := errorOf(m); err != nil {
		return err
	}
	if err := json.Unmarshal(m.Data, reply); err != nil {
		return fmt.Errorf("%w: the answer can't be read: %w", ErrInternal, err)
	}
	return nil
}

// errorMember is in every body that has an error.
var errorMember = []byte(`"error"`)

// errorOf returns the error of an error reply, which has an error in its headers or its body; otherwise nil.
func errorOf(m *nats.Msg) error {
	number, text := m.Header.Get(HeaderErrorCode), m.Header.Get(HeaderError)
	if number == "" && text == "" && !bytes.Contains(m.Data, errorMember) {
		return nil // most answers, which are long
	}
	var body ErrorBody
	if json.Unmarshal(m.Data, &body) == nil && body.Error != nil && body.Error.Code != "" {
		if body.Status == StatusError || number != "" {
			return body.Error
		}
	}
	if number == "" && text == "" {
		return nil
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		n = CodeInternal.Number()
	}
	return &Error{Code: codeOfNumber(n), Message: text}
}
