package tracker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"trackerfleet/bus"
)

// plainly returns the JSON that encoding/json makes of the fields of v.
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

// fills returns values that a field of type t may have, beside its zero; objects once for each of their fields, and empty.
func fills(t *testing.T, of reflect.Type) (all []reflect.Value) {
	t.Helper()
	put := func(v any) { all = append(all, reflect.ValueOf(v).Convert(of)) }
	switch zero := reflect.Zero(of).Interface().(type) {
	case *bus.ID:
		for _, text := range []string{"txn_1", `"ä"`} {
			id := mustID(t, text)
			put(&id)
		}
	case stamp:
		put(stampOf(epoch))
		put(stamp(-1))
	case []stamp:
		put([]stamp{})
		put([]stamp{0, stampOf(epoch), 7})
	case json.RawMessage:
		put(json.RawMessage(`{"a": [1, "<b> c"]}`))
	case map[string]string:
		put(map[string]string{})
		put(map[string]string{"z": "1", "a": `"<`, `"`: ""})
	case bool:
		put(true)
	case uint64:
		put(uint64(1)<<63 + 1)
	default:
		switch of.Kind() {
		case reflect.String:
			for _, s := range []string{"plain", `quote " and \`, "line\nend\x00\x7f", "umlaut ä, <&>", "not \xff utf-8"} {
				put(s)
			}
		case reflect.Struct:
			eachField(t, of, func(v reflect.Value) { all = append(all, v) })
		case reflect.Pointer:
			eachField(t, of.Elem(), func(v reflect.Value) { all = append(all, v.Addr()) })
		default:
			panic(fmt.Sprintf("no values for %T", zero))
		}
	}
	return all
}

// eachField calls f with an empty struct, with one for each value of each field alone, and with one that has them all.
func eachField(t *testing.T, of reflect.Type, f func(reflect.Value)) {
	t.Helper()
	full := reflect.New(of).Elem()
	f(reflect.New(of).Elem())
	for i := range of.NumField() {
		for _, value := range fills(t, of.Field(i).Type) {
			one := reflect.New(of).Elem()
			one.Field(i).Set(value)
			f(one)
			full.Field(i).Set(value)
		}
	}
	f(full)
}

func TestOwnEncodingIsThatOfTheFields(t *testing.T) {
	id := mustID(t, "txn")
	eachField(t, reflect.TypeFor[wire](), func(v reflect.Value) {
		w := v.Addr().Interface().(*wire)
		if w.TransactionID == nil { // a record always has one
			w.TransactionID = &id
		}
		o := bus.BeginObject(nil)
		w.write(&o, inner{})
		got, err := o.End()
		if want := plainly(t, w); err != nil || string(got) != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	})
	for _, data := range []reflect.Type{reflect.TypeFor[startedData](), reflect.TypeFor[stoppedData]()} {
		eachField(t, data, func(v reflect.Value) {
			got, err := bus.Encode(v.Interface())
			if want := plainly(t, v.Interface()); err != nil || string(got) != want {
				t.Errorf("%s: %v\n got %s\nwant %s", data, err, got, want)
			}
		})
	}
}
