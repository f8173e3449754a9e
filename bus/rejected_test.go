package bus_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

// keep stores r on the server and returns what is there then.
func keep(t testing.TB, nc *nats.Conn, r bus.Rejected) bus.Rejected {
	t.Helper()
	m, err := r.Message(nc.MaxPayload())
	if err != nil {
		t.Fatal(err)
	}
	m.Header.Set(nats.MsgIdHdr, strings.Repeat("x", 100))
	store(t, nc, m)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), bus.StreamRejected)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := stream.GetLastMsgForSubject(t.Context(), bus.RejectedSubject(string(r.Error.Code)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := bus.ParseRejected(stored.Header, stored.Data)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRejectedStartsKeepTheOriginal(t *testing.T) {
	nc := fleet(t)
	poison := []byte("\x00\xff{\r\nnot JSON")
	_, err := bus.DecodeStart("tracker.start.=", poison)
	want := bus.Rejected{
		Error: bus.WireError(err), Subject: "tracker.start.=", Sequence: 7, At: eventTime, Body: poison,
		Headers: nats.Header{"Nats-Rollup": {"all"}, "é\x01": {"a\r\nb", "😀\x7f"}},
	}
	if got := keep(t, nc, want); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestRejectedStartsOf900KBAreWhole(t *testing.T) {
	nc := fleet(t)
	body := bytes.Repeat([]byte("\x00\xff\"{"), 225_000)
	_, err := bus.DecodeStart(bus.SubjectStart, body)
	if !errors.Is(err, bus.ErrTooLarge) {
		t.Fatal(err)
	}
	got := keep(t, nc, bus.Rejected{Error: bus.WireError(err), Subject: bus.SubjectStart, Body: body})
	if !bytes.Equal(got.Body, body) || got.BodyBytesLeftOut != 0 {
		t.Errorf("%d of %d bytes, %d left out", len(got.Body), len(body), got.BodyBytesLeftOut)
	}
}

func TestRejectedStartsAlwaysFit(t *testing.T) {
	nc := fleet(t)
	faults := make([]bus.Fault, 65)
	for i := range faults {
		faults[i] = bus.Fault{Field: strings.Repeat("é", 80), Message: strings.Repeat("é\"", 170)}
	}
	largest := bytes.Repeat([]byte("x"), int(nc.MaxPayload()))
	huge := nats.Header{"X": {strings.Repeat("é", 30_000)}}
	got := keep(t, nc, bus.Rejected{Error: bus.Invalid(faults...), Body: largest, Headers: huge})
	if !got.HeadersLeftOut || got.Headers != nil || len(got.Error.Details) == 0 {
		t.Errorf("headers left out %t, %d details", got.HeadersLeftOut, len(got.Error.Details))
	}
	if got.BodyBytesLeftOut+len(got.Body) != len(largest) || len(got.Body) < len(largest)-60_000 {
		t.Errorf("%d bytes kept, %d left out, of %d", len(got.Body), got.BodyBytesLeftOut, len(largest))
	}
	small := bus.Rejected{Error: bus.Invalid(), Body: largest}
	if m, err := small.Message(512); err != nil || len(m.Data) != 0 {
		t.Errorf("no room at all: %d bytes, %v", len(m.Data), err)
	}
	if _, err := (bus.Rejected{}).Message(nc.MaxPayload()); !errors.Is(err, bus.ErrInternal) {
		t.Errorf("no error to keep: %v", err)
	}
}
