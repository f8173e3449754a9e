package bus

import "github.com/nats-io/nats.go"

// Header is the headers of a message that waits to be published: as a list they take a third of the memory of a [nats.Header], and
// there are thousands at a time.
type Header []HeaderField

// HeaderField is one header.
type HeaderField struct{ Name, Value string }

// NATS returns h as the client has it.
func (h Header) NATS() nats.Header {
	all := make(nats.Header, len(h))
	for _, f := range h {
		all[f.Name] = []string{f.Value}
	}
	return all
}

// sheet is one message that all those of a batch are written on, one after the other: the client has copied it when it returns from
// publishing.
type sheet struct {
	msg    nats.Msg
	values []string // what the lists in msg.Header point into
}

// begin makes it a message without headers.
func (s *sheet) begin(subject string, data []byte) {
	if s.msg.Header == nil {
		s.msg.Header = make(nats.Header, 24)
	}
	clear(s.msg.Header)
	s.msg.Subject, s.msg.Reply, s.msg.Data = subject, "", data
	s.values = s.values[:0]
}

// set puts a header in place of those of the name.
func (s *sheet) set(name, value string) {
	n := len(s.values)
	s.values = append(s.values, value)
	s.msg.Header[name] = s.values[n : n+1 : n+1]
}
