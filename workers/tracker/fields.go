package tracker

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// fields are the names that this version decodes of a JSON object.
type fields map[string]bool

func fieldsOf[T any]() fields {
	names := make(fields)
	for f := range reflect.TypeFor[T]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}

var recordFields = fieldsOf[wire]()

// unknown returns the members of a valid JSON object that this version doesn't decode, each as ,"name":value. Each, unless it is
// nil, is called with the members that it does.
func (known fields) unknown(b []byte, each func(name, value []byte)) string {
	var extra bytes.Buffer
	rest := bytes.TrimLeft(b, " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' {
		return ""
	}
	rest = rest[1:]
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 || rest[0] == '}' {
			return extra.String()
		}
		name := rest[:valueLen(rest)]
		rest = bytes.TrimLeft(rest[len(name):], " \t\r\n:")
		value := rest[:valueLen(rest)]
		rest = rest[len(value):]
		if known.have(name) {
			if each != nil {
				each(name[1:len(name)-1], value)
			}
		} else {
			extra.WriteByte(',')
			extra.Write(name)
			extra.WriteByte(':')
			extra.WriteString(verbatim(value))
		}
	}
}

// have reports whether a quoted name is decoded, as encoding/json does, by folding case.
func (known fields) have(quoted []byte) bool {
	if known[string(quoted[1:len(quoted)-1])] {
		return true
	}
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return false
	}
	for k := range known {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// verbatim returns value without white space.
func verbatim(value []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return string(value)
	}
	return b.String()
}

// valueLen returns the length of the JSON value that b, which is valid, begins with.
func valueLen(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case depth == 0 && strings.IndexByte(",:}] \t\r\n", c) >= 0:
			return i
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !quoted && (b[i] == '"' || b[i] == '}' || b[i] == ']') {
			return i + 1
		}
	}
	return len(b)
}
