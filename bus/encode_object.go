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

// Object is a JSON object in the making, written field by field as encoding/json would write it, but without reflection and
// without the escapes that [Encode] leaves out. After its first error it is worth nothing. Begin one with [BeginObject].
type Object struct {
	b   []byte
	err error
}

// BeginObject begins an object behind b, which is written on.
func BeginObject(b []byte) Object { return Object{b: append(b, '{')} }

// End returns the object with all that it was begun behind, or the first error of a field.
func (o *Object) End() ([]byte, error) {
	if o.err != nil {
		return nil, fmt.Errorf("bus: encode: %w", o.err)
	}
	return append(o.b, '}'), nil
}

func (o *Object) name(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), `":`...)
}

// Text writes a string.
func (o *Object) Text(name, value string) {
	o.name(name)
	o.b = appendText(o.b, value)
}

// TextIf writes a string unless it is empty.
func (o *Object) TextIf(name, value string) {
	if value != "" {
		o.Text(name, value)
	}
}

// Number writes a whole number.
func (o *Object) Number(name string, n uint64) {
	o.name(name)
	o.b = strconv.AppendUint(o.b, n, 10)
}

// NumberIf writes a whole number unless it is 0.
func (o *Object) NumberIf(name string, n uint64) {
	if n != 0 {
		o.Number(name, n)
	}
}

func (o *Object) whole(name string, n int) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, int64(n), 10)
}

func (o *Object) truth(name string, is bool) {
	o.name(name)
	o.b = strconv.AppendBool(o.b, is)
}

// Time writes a time in RFC 3339 form; a year of five digits is an error.
func (o *Object) Time(name string, t time.Time) {
	o.name(name)
	b, err := t.AppendText(append(o.b, '"'))
	o.keep(append(b, '"'), err)
}

// timeIf writes a time unless there is none.
func (o *Object) timeIf(name string, t *time.Time) {
	if t != nil {
		o.Time(name, *t)
	}
}

// Labels writes an object of strings, in the order of their names.
func (o *Object) Labels(name string, labels map[string]string) {
	o.name(name)
	if labels == nil {
		o.b = append(o.b, "null"...)
		return
	}
	all := BeginObject(o.b)
	if len(labels) == 0 {
		o.keep(all.End())
		return
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if all.b[len(all.b)-1] != '{' {
			all.b = append(all.b, ',')
		}
		all.b = appendText(append(appendText(all.b, label), ':'), labels[label])
	}
	o.keep(all.End())
}

// raw writes a value that is JSON already; nil is null.
func (o *Object) raw(name string, value json.RawMessage) {
	o.name(name)
	if value == nil {
		o.b = append(o.b, "null"...)
		return
	}
	b := bytes.NewBuffer(o.b)
	err := json.Compact(b, value)
	o.keep(b.Bytes(), err)
}

// RawIf writes a value that is JSON already unless there is none.
func (o *Object) RawIf(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.raw(name, value)
	}
}

// Value writes anything else as [Encode] does.
func (o *Object) Value(name string, v any) {
	o.name(name)
	o.keep(appendEncoded(o.b, v))
}

// Open begins an object within this one: what is written until [Object.Close] are its fields.
func (o *Object) Open(name string) {
	o.name(name)
	o.b = append(o.b, '{')
}

// Close ends what [Object.Open] has begun.
func (o *Object) Close() { o.b = append(o.b, '}') }

// Members writes fields that are JSON already, each as ,"name":value.
func (o *Object) Members(fields string) {
	if fields != "" && o.b[len(o.b)-1] == '{' {
		fields = fields[1:]
	}
	o.b = append(o.b, fields...)
}

func (o *Object) keep(b []byte, err error) {
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
