package bus

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestStartEncoderKeepsBodiesApart: bodies share memory, and each must stay what it was, whatever their sizes.
func TestStartEncoderKeepsBodiesApart(t *testing.T) {
	var e startEncoder
	var bodies [][]byte
	var want []string
	for i := range 2_000 {
		r := StartRequest{TransactionID: mustID(t, fmt.Sprint("txn-", i)), Params: []byte(`{"n":"` + strings.Repeat("x", i*i%3_000) + `"}`)}
		body, err := e.encode(r)
		if err != nil {
			t.Fatal(err)
		}
		bodies, want = append(bodies, body), append(want, string(body))
		if got, err := DecodeStart(SubjectStart, body); err != nil || got.TransactionID != r.TransactionID || string(got.Params) != string(r.Params) {
			t.Fatalf("body %d reads as %v, %v", i, got, err)
		}
	}
	for i, body := range bodies {
		_ = append(body, "garbage"...) // must not reach the next one
		if string(bodies[min(i+1, len(bodies)-1)]) != want[min(i+1, len(bodies)-1)] {
			t.Fatalf("body %d was overwritten", i+1)
		}
	}
}

// TestStartEncoderFindsWhatTheFleetWouldReject, as the decoder says it.
func TestStartEncoderFindsWhatTheFleetWouldReject(t *testing.T) {
	var e startEncoder
	for name, r := range map[string]StartRequest{
		"no id":      {},
		"long":       {TransactionID: mustID(t, "one"), Params: []byte(`{"n":"` + strings.Repeat("x", MaxBodyBytes) + `"}`)},
		"no object":  {TransactionID: mustID(t, "one"), Params: []byte(`[]`)},
		"not UTF-8":  {TransactionID: mustID(t, "one"), Params: []byte("{\"n\":\"\xff\"}")},
		"bad choice": {TransactionID: mustID(t, "one"), Restart: "sometimes"},
	} {
		_, err := e.encode(r)
		body, _ := Encode(r)
		_, want := DecodeStart(SubjectStart, body)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if wire := new(Error); !errors.As(err, &wire) {
			t.Errorf("%s: %T", name, err)
		}
		if _, err := e.encode(StartRequest{TransactionID: mustID(t, "two")}); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// BenchmarkEncodeStart reports what the client does for one start of many.
func BenchmarkEncodeStart(b *testing.B) {
	r, err := DecodeStart(SubjectStart, benchStart)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var e startEncoder
	for b.Loop() {
		if _, err := e.encode(r); err != nil {
			b.Fatal(err)
		}
	}
}
