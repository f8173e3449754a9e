package bus

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// ConflictingFields compares two starts of one transaction ID and returns the paths of the fields that make them
// different transactions: "source", and paths inside "params". Nil means that they are the same. Left out source and
// default source are different here: fill the default in first. Order of fields, white space and the spelling of
// numbers and strings don't matter; params that are left out are the empty object. Both params must be valid JSON.
func ConflictingFields(sourceA string, paramsA json.RawMessage, sourceB string, paramsB json.RawMessage) []string {
	var fields []string
	if sourceA != sourceB {
		fields = append(fields, "source")
	}
	return append(fields, difference("params", orEmpty(paramsA), orEmpty(paramsB))...)
}

func orEmpty(raw json.RawMessage) []byte {
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 || kindOf(trimmed) == "null" {
		return []byte("{}")
	}
	return trimmed
}

// difference returns the paths below path at which the valid JSON values a and b, without white space around, differ.
func difference(path string, a, b []byte) []string {
	if bytes.Equal(a, b) {
		return nil
	}
	kind := kindOf(a)
	if kind != kindOf(b) {
		return []string{path}
	}
	same := true
	switch kind {
	case "object":
		return objectDifference(path, a, b)
	case "array":
		same = slices.EqualFunc(elements(a, len(a)), elements(b, len(b)), func(x, y []byte) bool { return len(difference("", x, y)) == 0 })
	case "string":
		x, okX := unquote(a)
		y, okY := unquote(b)
		same = okX && okY && x == y
	case "number":
		same = canonicalNumber(string(a)) == canonicalNumber(string(b))
	default:
		same = bytes.Equal(a, b)
	}
	if same {
		return nil
	}
	return []string{path}
}

func objectDifference(path string, a, b []byte) []string {
	var ignored faults // both were found valid when they came in
	right := map[string][]byte{}
	for _, m := range members(&ignored, path, b) {
		right[m.name] = m.raw
	}
	var fields []string
	for _, m := range members(&ignored, path, a) {
		other, ok := right[m.name]
		delete(right, m.name)
		if !ok {
			fields = append(fields, child(path, m.name))
			continue
		}
		fields = append(fields, difference(child(path, m.name), m.raw, other)...)
	}
	for name := range right {
		fields = append(fields, child(path, name))
	}
	slices.Sort(fields)
	return fields
}

// canonicalNumber spells the JSON number s so that equal numbers are equal strings, without computing it: its exponent
// may be anything.
func canonicalNumber(s string) string {
	digits, negative := strings.CutPrefix(s, "-")
	exponent := 0
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		e, err := strconv.ParseInt(digits[i+1:], 10, 32)
		if err != nil {
			return s
		}
		digits, exponent = digits[:i], int(e)
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	exponent -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + strconv.Itoa(exponent)
}
