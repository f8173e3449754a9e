package bus

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep the objects and arrays of one request may nest.
const maxDepth = 32

// member is one field of a JSON object; raw is its value as it was written.
type member struct {
	name string
	raw  []byte
}

// checkText notes whatever keeps body from being one JSON value: bytes that are not UTF-8, and bad syntax.
func checkText(f *faults, body []byte) bool {
	if !utf8.Valid(body) {
		f.add("", "is not valid UTF-8")
		return false
	}
	if json.Valid(body) {
		return true
	}
	var raw json.RawMessage
	f.add("", "is not valid JSON: %v", json.Unmarshal(body, &raw))
	return false
}

// depth returns how deep the valid JSON value raw nests: 0 for a scalar, 1 for an object or array of scalars.
func depth(raw []byte) int {
	deepest, open := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i) - 1
		case '{', '[':
			open++
			deepest = max(deepest, open)
		case '}', ']':
			open--
		}
	}
	return deepest
}

// kindOf names the type of the JSON value raw as an answer would call it.
func kindOf(raw []byte) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	switch {
	case len(raw) == 0:
		return "nothing"
	case raw[0] == '{':
		return "object"
	case raw[0] == '[':
		return "array"
	case raw[0] == '"':
		return "string"
	case raw[0] == 'n':
		return "null"
	case raw[0] == 't', raw[0] == 'f':
		return "boolean"
	}
	return "number"
}

// members splits the valid JSON object raw, in the order written. A name that occurs twice is noted and its later values
// are left out: parsers disagree on which one counts.
func members(f *faults, path string, raw []byte) []member {
	all := make([]member, 0, usualMembers)
	var seen map[string]bool // nil: so few that looking through all is cheaper
	twice := func(name string) bool {
		if seen != nil {
			return seen[name]
		}
		return slices.ContainsFunc(all, func(m member) bool { return m.name == name })
	}
	for name, value := range split(raw) {
		n, ok := unquote(name)
		switch {
		case !ok:
			f.add(path, "has a field name with half of a surrogate pair")
		case twice(n):
			f.add(child(path, n), "is given more than once")
		default:
			all = append(all, member{name: n, raw: value})
			if seen != nil {
				seen[n] = true
			} else if len(all) == manyMembers {
				seen = namesOf(all)
			}
		}
	}
	return all
}

const (
	usualMembers = 4
	manyMembers  = 16
)

func namesOf(all []member) map[string]bool {
	names := make(map[string]bool, 2*len(all))
	for _, m := range all {
		names[m.name] = true
	}
	return names
}

// elements splits the valid JSON array raw. What is beyond most is left out, so that many tiny ones cost little.
func elements(raw []byte, most int) [][]byte {
	var all [][]byte
	for _, value := range split(raw) {
		if all = append(all, value); len(all) == most {
			break
		}
	}
	return all
}

// split returns every value directly inside the valid JSON object or array raw, with its quoted name in an object and nil
// in an array.
func split(raw []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		var name []byte
		start, open := -1, 0 // of the name or value being read; how many brackets are open
		for i := 0; i < len(raw); i++ {
			c := raw[i]
			switch {
			case c == ' ' || c == '\t' || c == '\r' || c == '\n':
				continue
			case open == 1 && c == ':':
				name, start = trimRight(raw[start:i]), -1
				continue
			case open == 1 && (c == ',' || c == '}' || c == ']'):
				if start >= 0 && !yield(name, trimRight(raw[start:i])) || c != ',' {
					return
				}
				name, start = nil, -1
				continue
			case open == 1 && start < 0:
				start = i
			}
			switch c {
			case '"':
				i = stringEnd(raw, i) - 1
			case '{', '[':
				open++
			case '}', ']':
				open--
			}
		}
	}
}

func trimRight(raw []byte) []byte { return bytes.TrimRight(raw, " \t\r\n") }

// stringEnd returns the index after the JSON string that starts at i.
func stringEnd(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquote returns the text of the valid JSON string raw. It refuses half a surrogate pair, which no UTF-8 text can hold:
// two different such strings would become the same text.
func unquote(raw []byte) (string, bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	if halfSurrogate(raw) {
		return "", false
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", false
	}
	return s, true
}

// halfSurrogate reports whether the valid JSON string raw escapes a surrogate without its other half.
func halfSurrogate(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' {
			continue
		}
		r := escaped(raw[i+1:])
		i += 4
		switch {
		case r < 0xd800 || r > 0xdfff:
		case r > 0xdbff || len(raw) < i+7 || raw[i+1] != '\\' || raw[i+2] != 'u':
			return true
		default:
			if low := escaped(raw[i+3:]); low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 6
		}
	}
	return false
}

// escaped returns the code unit of the four hex digits that raw begins with.
func escaped(raw []byte) uint64 {
	r, _ := strconv.ParseUint(string(raw[:4]), 16, 16) // the value is valid JSON
	return r
}

// checkOpaque notes what no reader of the valid JSON value raw could agree on, at any depth: names given twice and halves
// of surrogate pairs. The value's own fields are somebody else's to judge.
func checkOpaque(f *faults, path string, raw []byte) {
	switch kindOf(raw) {
	case "string":
		if _, ok := unquote(raw); !ok {
			f.add(path, "has half of a surrogate pair")
		}
	case "array":
		for i, e := range elements(raw, len(raw)) {
			checkOpaque(f, element(path, i), e)
		}
	case "object":
		for _, m := range members(f, path, raw) {
			checkOpaque(f, child(path, m.name), m.raw)
		}
	}
}

// compact returns a copy of the valid JSON value raw without white space between its tokens.
func compact(raw []byte) json.RawMessage {
	var b bytes.Buffer
	b.Grow(len(raw))
	if err := json.Compact(&b, raw); err != nil {
		return bytes.Clone(raw)
	}
	return bytes.Clone(b.Bytes()) // kept for long: no larger than it must be
}
