package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// object is a JSON object in the making. After its first error it is worth nothing.
type object struct {
	b   []byte
	err error
}

func beginObject(b []byte) object { return object{b: append(b, '{')} }

func (o *object) end() ([]byte, error) {
	if o.err != nil {
		return nil, fmt.Errorf("bus: encode: %w", o.err)
	}
	return append(o.b, '}'), nil
}

func (o *object) name(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), `":`...)
}

func (o *object) text(name, value string) {
	o.name(name)
	o.b = appendText(o.b, value)
}

// textIf writes a text unless it is empty.
func (o *object) textIf(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) number(name string, n uint64) {
	o.name(name)
	o.b = strconv.AppendUint(o.b, n, 10)
}

func (o *object) whole(name string, n int) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, int64(n), 10)
}

func (o *object) truth(name string, is bool) {
	o.name(name)
	o.b = strconv.AppendBool(o.b, is)
}

func (o *object) time(name string, t time.Time) {
	o.name(name)
	b, err := t.AppendText(append(o.b, '"'))
	o.keep(append(b, '"'), err)
}

// timeIf writes a time unless there is none.
func (o *object) timeIf(name string, t *time.Time) {
	if t != nil {
		o.time(name, *t)
	}
}

// labels writes an object of texts, in the order of their names.
func (o *object) labels(name string, labels map[string]string) {
	o.name(name)
	if labels == nil {
		o.b = append(o.b, "null"...)
		return
	}
	all := beginObject(o.b)
	if len(labels) == 0 {
		o.keep(all.end())
		return
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if all.b[len(all.b)-1] != '{' {
			all.b = append(all.b, ',')
		}
		all.b = appendText(append(appendText(all.b, label), ':'), labels[label])
	}
	o.keep(all.end())
}

// raw writes a value that is JSON already; nil is null.
func (o *object) raw(name string, value json.RawMessage) {
	o.name(name)
	if value == nil {
		o.b = append(o.b, "null"...)
		return
	}
	b := bytes.NewBuffer(o.b)
	err := json.Compact(b, value)
	o.keep(b.Bytes(), err)
}

// rawIf writes a value that is JSON already unless there is none.
func (o *object) rawIf(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.raw(name, value)
	}
}

// value writes anything else.
func (o *object) value(name string, v any) {
	o.name(name)
	o.keep(appendEncoded(o.b, v))
}

func (o *object) keep(b []byte, err error) {
	if o.err == nil {
		o.err = err
	}
	if err == nil {
		o.b = b
	}
}

// appendText appends s as a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := Encode(s)
			if err != nil {
				quoted = []byte(`""`) // can't be: strings always encode
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
