package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// Encode returns the JSON of a body as it crosses the wire: compact, and without the escapes of <, > and & that
// encoding/json adds for web pages, so that what fitted a limit when it came in still fits when it goes out.
func Encode(v any) ([]byte, error) {
	if own := encoderOf(v); own != nil {
		return own.AppendJSON(make([]byte, 0, encodedRoom))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("bus: encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// encodedRoom is more than most bodies take.
const encodedRoom = 1 << 10

// appendEncoded appends what [Encode] returns to b.
func appendEncoded(b []byte, v any) ([]byte, error) {
	if own := encoderOf(v); own != nil {
		return own.AppendJSON(b)
	}
	encoded, err := Encode(v)
	return append(b, encoded...), err
}

// encoder is a body that is written so often that it appends its JSON itself: the same that encoding/json makes of its fields.
type encoder interface {
	AppendJSON(b []byte) ([]byte, error)
}

// encoderOf returns v if it writes its JSON itself, and nil if it does not or points to nothing.
func encoderOf(v any) encoder {
	own, ok := v.(encoder)
	if !ok {
		return nil
	}
	if at := reflect.ValueOf(v); at.Kind() == reflect.Pointer && at.IsNil() {
		return nil
	}
	return own
}
