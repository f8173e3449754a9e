package simulated

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"trackerfleet/workers/source"
)

// object is a JSON object that is read field by field. It collects every fault, unknown and repeated fields included.
type object struct {
	values map[string]string // raw JSON by field
	known  map[string]bool
	faults []source.Fault
}

// readObject reads an object; nothing and null are empty ones.
func readObject(b json.RawMessage) *object {
	o := &object{}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || string(b) == "null" || string(b) == "{}" {
		return o
	}
	o.values, o.known = map[string]string{}, map[string]bool{}
	if !json.Valid(b) {
		o.fault("", "is not JSON")
		return o
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		o.fault("", "must be a JSON object")
		return o
	}
	for d.More() {
		name, err := d.Token()
		var raw json.RawMessage
		if err == nil {
			err = d.Decode(&raw)
		}
		if err != nil {
			if err != io.EOF {
				o.fault("", "is not JSON")
			}
			return o
		}
		field := fmt.Sprint(name)
		if _, twice := o.values[field]; twice {
			o.fault(field, "is there twice")
		}
		o.values[field] = string(raw)
	}
	return o
}

// maxFaults bounds how many faults are told, maxFieldBytes how much of a field's name.
const (
	maxFaults     = 32
	maxFieldBytes = 64
)

// fault adds a fault of a field; "" is the object itself.
func (o *object) fault(field, message string) {
	name := "params"
	if field != "" {
		name += "." + strings.ToValidUTF8(field[:min(len(field), maxFieldBytes)], "")
	}
	o.faults = append(o.faults, source.Fault{Field: name, Message: message})
}

// know marks a field as one that exists.
func (o *object) know(field string) {
	if o.known != nil {
		o.known[field] = true
	}
}

// raw returns a field's JSON, "" if it is not there.
func (o *object) raw(field string) string { return o.values[field] }

// take marks a field as one that exists and returns its JSON, if it is there.
func (o *object) take(field string) (string, bool) {
	o.know(field)
	raw, ok := o.values[field]
	return raw, ok
}

// blocks reads a number of blocks that is at least least.
func (o *object) blocks(field string, least uint64, v *uint64) {
	raw, ok := o.take(field)
	if !ok {
		return
	}
	n, err := strconv.ParseUint(raw, 10, 64)
	if err != nil || n < least || n > maxBlocks {
		o.fault(field, fmt.Sprintf("must be a whole number from %d to %d", least, uint64(maxBlocks)))
		return
	}
	*v = n
}

// oneOf reads a string that is one of the names; "" if it is not there or another.
func (o *object) oneOf(field string, names ...string) string {
	raw, ok := o.take(field)
	if !ok {
		return ""
	}
	var s string
	if json.Unmarshal([]byte(raw), &s) == nil && slices.Contains(names, s) {
		return s
	}
	o.fault(field, "must be one of "+strings.Join(names, ", "))
	return ""
}

// err returns every fault, by field; fields that nobody asked for are faults too.
func (o *object) err() error {
	for field := range o.values {
		if !o.known[field] {
			o.fault(field, "is not a field of this source")
		}
	}
	if len(o.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(o.faults, func(a, b source.Fault) int { return strings.Compare(a.Field, b.Field) })
	return &source.ParamsError{Faults: o.faults[:min(len(o.faults), maxFaults)]}
}
