package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"
)

// plainly returns the JSON that encoding/json makes of the fields of v, whatever v does itself.
func plainly(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// texts are what strings are hard to write.
var texts = []string{"plain", "", `quote " and \`, "line\nend\x00\x7f", "umlaut ä, 😀, <&>", "\u2028", "not \xff utf-8"}

// fills returns values that a field of type t may have, beside its zero.
func fills(t reflect.Type) (all []reflect.Value) {
	put := func(v any) { all = append(all, reflect.ValueOf(v).Convert(t)) }
	now := time.Date(2026, 1, 2, 3, 4, 5, 6700, time.UTC)
	switch zero := reflect.Zero(t).Interface().(type) {
	case ID:
		put(ID{raw: "txn_1"})
		put(ID{raw: `"ä"`})
	case time.Time:
		put(now)
		put(now.In(time.FixedZone("", 3600)))
	case *time.Time:
		put(&now)
	case json.RawMessage:
		put(json.RawMessage(`{"a": [1, "<b> c"]}`))
	case map[string]string:
		put(map[string]string{})
		put(map[string]string{"z": "1", "a": texts[4], texts[2]: "", "m": texts[3]})
	case *Progress:
		put(&Progress{Have: 3, Need: 12})
	case *LastError:
		put(&LastError{At: now, Message: texts[2]})
	case *Error:
		put(&Error{Code: CodeUnavailable, Message: texts[3]})
	case Duration:
		put(90 * time.Second)
	case Trace:
		put(Trace{Parent: "goes as a header"})
	case *Tracker:
		put(&Tracker{TransactionID: ID{raw: "txn_1"}})
	case []SpawnReply:
		put([]SpawnReply{})
		put([]SpawnReply{{Status: SpawnCreated, Tracker: new(Tracker)}, {Status: SpawnError, Error: Errorf(CodeNotFound, "gone")}})
	case bool:
		put(true)
	case int:
		put(255)
	case uint64:
		put(uint64(1)<<63 + 1)
	default:
		if t.Kind() != reflect.String {
			panic(fmt.Sprintf("no values for %T", zero))
		}
		for _, s := range texts {
			put(s)
		}
	}
	return all
}

// TestOwnEncodingIsThatOfTheFields sets each field on its own to whatever is special, and then all of them.
func TestOwnEncodingIsThatOfTheFields(t *testing.T) {
	for _, kind := range []reflect.Type{
		reflect.TypeFor[*Tracker](), reflect.TypeFor[*Progress](), reflect.TypeFor[LookupReply](), reflect.TypeFor[SpawnReply](), reflect.TypeFor[SpawnManyReply](),
		reflect.TypeFor[StartRequest](), reflect.TypeFor[StopRequest](), reflect.TypeFor[StopReply](),
	} {
		of := kind
		if kind.Kind() == reflect.Pointer {
			of = kind.Elem()
		}
		full := reflect.New(of).Elem()
		same := func(v reflect.Value) {
			t.Helper()
			own := v.Interface()
			if kind.Kind() == reflect.Pointer {
				own = v.Addr().Interface()
			}
			if _, ok := own.(encoder); !ok {
				t.Fatalf("%T does not write itself", own)
			}
			got, err := Encode(own)
			if err != nil {
				t.Fatal(err)
			}
			if want := plainly(t, own); string(got) != want {
				t.Errorf("%T\n got %s\nwant %s", own, got, want)
			}
		}
		same(full)
		for i := range of.NumField() {
			for _, value := range fills(of.Field(i).Type) {
				one := reflect.New(of).Elem()
				one.Field(i).Set(value)
				same(one)
				full.Field(i).Set(value)
			}
		}
		same(full)
	}
}

func TestNothingIsEncodedAsNull(t *testing.T) {
	for _, none := range []any{(*Tracker)(nil), (*Progress)(nil), (*LookupReply)(nil), nil} {
		if b, err := Encode(none); err != nil || string(b) != "null" {
			t.Errorf("%T: %s, %v", none, b, err)
		}
	}
}

func TestWhatCannotBeEncodedIsAnError(t *testing.T) {
	far := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tracker := range []*Tracker{{Result: json.RawMessage("{")}, {StartedAt: far}, {Deadline: &far}, {LastError: &LastError{At: far}}} {
		for _, body := range []any{tracker, LookupReply{Tracker: tracker}, SpawnManyReply{Items: []SpawnReply{{Tracker: tracker}}}} {
			if b, err := Encode(body); err == nil {
				t.Errorf("%+v is encoded as %s", tracker, b)
			}
		}
	}
}
