package bubble

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// frame is one operation of the NATS protocol that carries a message.
type frame struct {
	verb    string   // PUB, HPUB, MSG or HMSG
	words   []string // of its line: the subject; of MSG and HMSG the subscription; the reply subject, where there is one
	headers []byte   // with their end; nil: none
	payload []byte
}

// reply returns where the answer to what a client publishes is to go, "" where none is wanted.
func (f *frame) reply() string {
	if (f.verb == "PUB" || f.verb == "HPUB") && len(f.words) == 2 {
		return f.words[1]
	}
	return ""
}

func (f *frame) appendTo(b []byte) []byte {
	b = append(b, f.verb...)
	for _, w := range f.words {
		b = append(append(b, ' '), w...)
	}
	if f.headers != nil {
		b = strconv.AppendInt(append(b, ' '), int64(len(f.headers)), 10)
	}
	b = strconv.AppendInt(append(b, ' '), int64(len(f.headers)+len(f.payload)), 10)
	b = append(b, "\r\n"...)
	b = append(append(b, f.headers...), f.payload...)
	return append(b, "\r\n"...)
}

// tamperer changes what passes. It may be called from several goroutines.
type tamperer func(*frame)

// wire hands every message of a stream of bytes to a tamperer.
type wire struct {
	tamper tamperer
	rest   []byte // begins with a line whose end, or whose message's, has not come yet
}

// pass takes the next bytes and returns those that may go on.
func (w *wire) pass(b []byte) (out []byte) {
	w.rest = append(w.rest, b...)
	for {
		end := bytes.Index(w.rest, []byte("\r\n"))
		if end < 0 {
			return out
		}
		f, size, carries := parseFrame(w.rest[:end])
		switch body := w.rest[end+2:]; {
		case !carries:
			out = append(out, w.rest[:end+2]...)
			w.rest = body
		case len(body) < size+2:
			return out
		default:
			f.payload = body[len(f.headers):size:size]
			copy(f.headers, body)
			w.tamper(&f)
			out = f.appendTo(out)
			w.rest = body[size+2:]
		}
	}
}

// parseFrame reads the line of an operation and makes room for its headers; size is that of headers and payload. It carries no
// message if it is another operation.
func parseFrame(line []byte) (f frame, size int, carries bool) {
	words := bytes.Fields(line)
	if len(words) < 3 {
		return frame{}, 0, false
	}
	f.verb = string(bytes.ToUpper(words[0]))
	if !slices.Contains([]string{"PUB", "HPUB", "MSG", "HMSG"}, f.verb) {
		return frame{}, 0, false
	}
	number := func() int {
		n, err := strconv.Atoi(string(words[len(words)-1]))
		if err != nil {
			panic(err)
		}
		words = words[:len(words)-1]
		return n
	}
	size = number()
	if f.verb[0] == 'H' {
		f.headers = make([]byte, number())
	}
	for _, w := range words[1:] {
		f.words = append(f.words, string(w))
	}
	return f, size, true
}

// TestWiresHandOverEveryMessage cuts what passes anywhere: all of it arrives as it was, and each message is seen once and whole.
func TestWiresHandOverEveryMessage(t *testing.T) {
	said := "CONNECT {\"verbose\":false}\r\nPING\r\nPUB a.b 3\r\nx\r\n\r\nSUB a.* q 4\r\n" +
		"HPUB a.c _INBOX.1 12 17\r\nNATS/1.0\r\n\r\nHELLO\r\nMSG a.b 1 0\r\n\r\nHMSG a.c 1 _INBOX.1 12 12\r\nNATS/1.0\r\n\r\n\r\n"
	rapid.Check(t, func(t *rapid.T) {
		var seen []string
		w := &wire{tamper: func(f *frame) { seen = append(seen, f.verb+" "+f.words[0]+" "+f.reply()+" "+string(f.payload)) }}
		var arrived []byte
		for rest := []byte(said); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			arrived = append(arrived, w.pass(rest[:n])...)
			rest = rest[n:]
		}
		if string(arrived) != said {
			t.Errorf("%q has become %q", said, arrived)
		}
		if want := []string{"PUB a.b  x\r\n", "HPUB a.c _INBOX.1 HELLO", "MSG a.b  ", "HMSG a.c  "}; !slices.Equal(seen, want) {
			t.Errorf("seen %q, want %q", seen, want)
		}
	})
}

// expected is the header that makes a message conditional.
var expected = regexp.MustCompile(`\nNats-Expected-Last-Subject-Sequence: *\d+`)

// dropFence renames what makes a message conditional on the owner record; the server does not know it then.
func dropFence(f *frame) {
	if bytes.Contains(f.headers, []byte("-Subject: tracker.fleet.owner.")) {
		dropConditions(f)
	}
}

func dropConditions(f *frame) {
	f.headers = bytes.ReplaceAll(f.headers, []byte("\nNats-Expected-"), []byte("\nNope-Expected-"))
}
