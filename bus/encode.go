package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode returns the JSON of a body as it crosses the wire: compact, and without the escapes of <, > and & that
// encoding/json adds for web pages, so that what fitted a limit when it came in still fits when it goes out.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("bus: encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
