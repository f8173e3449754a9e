package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// leaf is one key that holds a value.
type leaf struct {
	path   string
	doc    string
	secret bool
	single bool // one secret and nothing else
}

var (
	typeSecret  = reflect.TypeFor[Secret]()
	typeURL     = reflect.TypeFor[URL]()
	typeSources = reflect.TypeFor[Sources]()
	typeTime    = reflect.TypeFor[time.Time]()
)

// noKey tags a field that is no setting.
const noKey = "-"

// keyName matches the keys of a kind's settings.
var keyName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// decodable reports whether the decoder can set a value of type t, which is no group.
func decodable(t reflect.Type) bool {
	switch t {
	case typeSecret, typeTime, reflect.TypeFor[[]Endpoint](), reflect.TypeFor[[]string](), reflect.TypeFor[[]time.Duration](),
		reflect.TypeFor[[]URL](), reflect.TypeFor[map[string]Secret]():
		return true
	}
	return t.Kind() == reflect.Bool || t.Kind() == reflect.String || t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t.Kind() != reflect.Uintptr
}

// isGroup reports whether t is a struct whose fields are settings of their own.
func isGroup(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != typeSecret && t != typeTime
}

// leavesOf returns the keys of struct type t in order, those of nested structs included.
func leavesOf(t reflect.Type, prefix string) []leaf {
	var out []leaf
	for i := range t.NumField() {
		f := t.Field(i)
		path := prefix + f.Tag.Get("koanf")
		switch {
		case f.Type == typeSources, f.Tag.Get("koanf") == noKey:
		case isGroup(f.Type):
			out = append(out, leavesOf(f.Type, path+".")...)
		default:
			out = append(out, leaf{path: path, doc: f.Tag.Get("doc"), secret: holdsSecret(f.Type), single: f.Type == typeSecret})
		}
	}
	return out
}

// holdsSecret reports whether a value of type t may hold a secret.
func holdsSecret(t reflect.Type) bool {
	switch {
	case t == typeSecret, t == typeURL:
		return true
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return holdsSecret(t.Elem())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if holdsSecret(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// keysOf returns the names of the fields of struct type t.
func keysOf(t reflect.Type) []string {
	out := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("koanf"); key != noKey {
			out = append(out, key)
		}
	}
	return out
}

// unknownKey returns what to say of a name that is none of known: the nearest one, or all when none is near.
func unknownKey(name string, known []string) string {
	best, bestDistance := "", len(name)
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best != "" && bestDistance <= max(2, len(best)/3) {
		return "does not exist; nearest is " + best
	}
	known = slices.Sorted(slices.Values(known))
	if len(known) > 12 {
		known = append(known[:12:12], "…")
	}
	return "does not exist; known are " + strings.Join(known, ", ")
}

// distance returns how many bytes must be inserted, removed, replaced or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
