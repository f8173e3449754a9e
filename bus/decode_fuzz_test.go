package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// checkFaults fails the test unless err is a good answer to a caller.
func checkFaults(t *testing.T, err error) {
	t.Helper()
	var wire *Error
	if !errors.As(err, &wire) || wire == nil || len(wire.Details) == 0 || wire.Message == "" {
		t.Fatalf("error %#v", err)
	}
	if wire.Code != CodeInvalid && wire.Code != CodeTooLarge {
		t.Errorf("code %s", wire.Code)
	}
	for _, d := range wire.Details {
		if d.Message == "" || !utf8.ValidString(d.Field) || !utf8.ValidString(d.Message) {
			t.Errorf("fault %q", d)
		}
	}
}

func FuzzDecodeStart(f *testing.F) {
	for _, body := range []string{
		`{"transaction_id":"t","source":"sim","params":{"a":[1,{"b":null}]},"restart":"transient","timeout":"24h","labels":{"a":"b"},"meta":{"c":"<&>"},"on_existing":"return"}`,
		`{"transaction_id":"t\u0031\ud83d\ude00","meta":{"\ud83d":1}}`, `{"transaction_id":"t","transaction_id":"u"}`, "t", " {", "[[[", "\"",
		`{"items":[{"transaction_id":"t"},{}]}`, `{"a":1e999,"b":-0.0,"c":"\\\""}`, "\xff", "", "\x00", `{"transaction_id":"t"} `, `{"":{"":{}}}`,
	} {
		f.Add(SubjectStart, []byte(body))
		f.Add("tracker.start.t", []byte(body))
	}
	f.Add("tracker.start.=YS5i", []byte("a.b"))
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, subject string, body []byte) {
		before := bytes.Clone(body)
		r, err := DecodeStart(subject, body)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			checkFaults(t, err)
			return
		}
		again, err := Encode(r)
		if err != nil {
			t.Fatalf("accepted, but does not encode: %v", err)
		}
		back, err := DecodeStart(SubjectStart, again)
		if err != nil {
			t.Fatalf("accepted, but %s is refused: %v", again, err)
		}
		if len(r.Labels) == 0 {
			r.Labels = nil // {} is left out
		}
		if diff := cmp.Diff(r, back, cmp.AllowUnexported(ID{})); diff != "" {
			t.Errorf("encoded and decoded (-want +got):\n%s", diff)
		}
		if isJSON(body) && kindOf(body) == "object" { // the standard library reads the same
			var std StartRequest
			if err := json.Unmarshal(body, &std); err != nil {
				t.Fatalf("accepted, but encoding/json says %v", err)
			}
			if !std.TransactionID.IsZero() && std.TransactionID != r.TransactionID || std.Source != r.Source || std.Timeout != r.Timeout {
				t.Errorf("decoded %+v, encoding/json %+v", r, std)
			}
		}
	})
}

func FuzzDecodeSpawn(f *testing.F) {
	f.Add([]byte(`{"items":[{"transaction_id":"t"},{"transaction_id":"u","x":1},3]}`))
	f.Add([]byte(`{"items":[],"items":[{}]}`))
	f.Add([]byte(`{"items":null}`))
	f.Add([]byte(`{"\u0069tems":[{"transaction_id":"t"}]}`))
	f.Add([]byte(`t`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeSpawn(body)
		if err != nil {
			checkFaults(t, err)
			return
		}
		if len(r.Items) == 0 || len(r.Items) > MaxItems || !r.Bulk && len(r.Items) != 1 {
			t.Fatalf("%d items, bulk %t", len(r.Items), r.Bulk)
		}
		for i, item := range r.Items {
			if item.Err != nil {
				checkFaults(t, item.Err)
				if !strings.HasPrefix(item.Err.Details[0].Field, element("items", i)) {
					t.Errorf("item %d: fault at %q", i, item.Err.Details[0].Field)
				}
			} else if item.Start.TransactionID.IsZero() {
				t.Errorf("item %d has no ID", i)
			}
		}
	})
}

func FuzzDecodeVerbs(f *testing.F) {
	for _, body := range []string{
		"t", `{"transaction_id":"t","op":"ping"}`, `{"transaction_id":"t","reason":"r","by":"b"}`, `{"filter":"age:>1m","limit":10,"cursor":"c"}`,
		`{"worker":"w-1"}`, "status:pending", `{"limit":1e2}`, `{"limit":-1}`, "", "{}", "\xff",
	} {
		f.Add([]byte(body))
	}
	decoders := map[string]func([]byte) (any, error){
		"lookup": func(b []byte) (any, error) { return DecodeLookup(b) },
		"call":   func(b []byte) (any, error) { return DecodeCall(b) },
		"stop":   func(b []byte) (any, error) { return DecodeStop(b) },
		"retry":  func(b []byte) (any, error) { return DecodeRetry(b) },
		"list":   func(b []byte) (any, error) { return DecodeList(b) },
		"fleet":  func(b []byte) (any, error) { return DecodeFleet(b) },
		"drain":  func(b []byte) (any, error) { return DecodeDrain(b) },
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for verb, decode := range decoders {
			r, err := decode(body)
			if err != nil {
				checkFaults(t, err)
				continue
			}
			again, err := Encode(r)
			if err != nil {
				t.Fatalf("%s: accepted, but does not encode: %v", verb, err)
			}
			if back, err := decode(again); err != nil || !cmp.Equal(r, back, cmp.AllowUnexported(ID{})) {
				t.Errorf("%s: %s is read as %+v, %v", verb, again, back, err)
			}
		}
	})
}
