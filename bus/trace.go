package bus

import (
	"strings"

	"github.com/nats-io/nats.go"
)

// Trace is a W3C trace context. The zero Trace is none.
type Trace struct {
	Parent string `json:"traceparent,omitempty"`
	State  string `json:"tracestate,omitempty"`
}

// maxTraceStateBytes is how much of a tracestate W3C asks everyone to carry.
const maxTraceStateBytes = 512

// TraceOf returns the trace context of a message. Header names may have any letter case, since clients differ. A
// traceparent that is not of W3C form is none at all, and a tracestate counts only beside one.
func TraceOf(h nats.Header) Trace {
	parent := anyCase(h, "traceparent")
	if !traceParent(parent) {
		return Trace{}
	}
	state := anyCase(h, "tracestate")
	if len(state) > maxTraceStateBytes || strings.IndexFunc(state, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		state = ""
	}
	return Trace{Parent: parent, State: state}
}

// Put sets the headers of the trace context, in lower case, in h.
func (t Trace) Put(h nats.Header) {
	if t.Parent == "" {
		return
	}
	h.Set("traceparent", t.Parent)
	if t.State != "" {
		h.Set("tracestate", t.State)
	}
}

// add is Put for a list.
func (t Trace) add(h Header) Header {
	if t.Parent == "" {
		return h
	}
	h = append(h, HeaderField{"traceparent", t.Parent})
	if t.State != "" {
		h = append(h, HeaderField{"tracestate", t.State})
	}
	return h
}

// anyCase returns the value of a header whatever the letter case of its name; the exact name goes first.
func anyCase(h nats.Header, name string) string {
	if v := h.Get(name); v != "" {
		return v
	}
	found, value := "", ""
	for k, v := range h {
		if len(v) > 0 && strings.EqualFold(k, name) && (found == "" || k < found) {
			found, value = k, v[0]
		}
	}
	return value
}

// traceParent reports whether s is a traceparent: version, trace, parent and flags in lower case hex, where trace and
// parent are not all zero. Versions after 00 may say more behind the flags.
func traceParent(s string) bool {
	const length = 55 // of version 00
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' || len(s) > maxTraceStateBytes {
		return false
	}
	version, trace, parent, flags, more := s[:2], s[3:35], s[36:52], s[53:length], s[length:]
	switch {
	case version == "ff", version == "00" && more != "", more != "" && more[0] != '-':
		return false
	case strings.Trim(trace, "0") == "", strings.Trim(parent, "0") == "":
		return false
	}
	for _, part := range []string{version, trace, parent, flags} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.IndexFunc(more, func(r rune) bool { return r < '!' || r > '~' }) < 0
}
