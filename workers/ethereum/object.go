package ethereum

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"trackerfleet/workers/source"
)

// objectFields reads a JSON object and returns its fields as they came. Unknown fields and fields that are there twice are
// faults; nothing, and null, are the empty object. Names are compared exactly.
func objectFields(raw json.RawMessage, known func(name string) bool) (map[string]json.RawMessage, []source.Fault) {
	fields := map[string]json.RawMessage{}
	if isNull(raw) {
		return fields, nil
	}
	whole := func(message string) []source.Fault { return []source.Fault{{Field: "params", Message: message}} }
	if !utf8.Valid(raw) {
		return fields, whole("is not UTF-8")
	}
	if !json.Valid(raw) {
		return fields, whole("is not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return fields, whole("want an object")
	}
	var faults []source.Fault
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return fields, whole("is not JSON")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fields, whole("is not JSON")
		}
		if _, twice := fields[name]; twice {
			faults = append(faults, source.Fault{Field: "params." + shown(name), Message: "is there more than once"})
		} else if !known(name) {
			faults = append(faults, source.Fault{Field: "params." + shown(name), Message: "is unknown"})
		}
		fields[name] = value
	}
	return fields, faults
}

// shown returns a name from outside as it may be shown: printable and short.
func shown(name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	quoted := fmt.Sprintf("%+q", name)
	return quoted[1 : len(quoted)-1]
}
