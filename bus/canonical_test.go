package bus

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
)

func TestConflictingFieldsTable(t *testing.T) {
	for name, tc := range map[string]struct{ sourceA, a, sourceB, b, want string }{
		"same":            {"s", `{"a":1}`, "s", `{"a":1}`, ""},
		"order and space": {"s", `{"a":1,"b":[1,2]}`, "s", ` { "b" : [ 1 , 2 ] , "a" : 1 } `, ""},
		"spelling":        {"s", `{"a":"\u0041","b":1.50e1}`, "s", `{"a":"A","b":15}`, ""},
		"left out":        {"s", ``, "s", `{}`, ""},
		"null":            {"s", `null`, "s", ``, ""},
		"source":          {"s", `{}`, "t", `{}`, "source"},
		"both":            {"s", `{"h":"1"}`, "t", `{"h":"2"}`, "source params.h"},
		"deep":            {"s", `{"f":{"c":12,"d":1},"z":1}`, "s", `{"f":{"c":13,"d":1}}`, "params.f.c params.z"},
		"more":            {"s", `{}`, "s", `{"b":1,"a":2}`, "params.a params.b"},
		"array":           {"s", `{"a":[1,2]}`, "s", `{"a":[2,1]}`, "params.a"},
		"array length":    {"s", `{"a":[1]}`, "s", `{"a":[1,1]}`, "params.a"},
		"type":            {"s", `{"a":"1"}`, "s", `{"a":1}`, "params.a"},
		"boolean":         {"s", `{"a":true}`, "s", `{"a":false}`, "params.a"},
		"null inside":     {"s", `{"a":null}`, "s", `{}`, "params.a"},
		"letter case":     {"s", `{"h":"0xAB"}`, "s", `{"h":"0xab"}`, "params.h"},
		"huge exponents":  {"s", `{"a":1e999999999999}`, "s", `{"a":2e999999999999}`, "params.a"},
		"zeros":           {"s", `{"a":-0}`, "s", `{"a":0.00e7}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(ConflictingFields(tc.sourceA, json.RawMessage(tc.a), tc.sourceB, json.RawMessage(tc.b)), " ")
			back := strings.Join(ConflictingFields(tc.sourceB, json.RawMessage(tc.b), tc.sourceA, json.RawMessage(tc.a)), " ")
			if got != tc.want || back != tc.want {
				t.Errorf("got %q and %q, want %q", got, back, tc.want)
			}
		})
	}
}

func FuzzCanonicalNumber(f *testing.F) {
	f.Add("1.50e1", "15")
	f.Add("-0.0", "0")
	f.Add("100", "1e2")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !isNumber(a) || !isNumber(b) {
			return
		}
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		if okX && okY && (x.Cmp(y) == 0) != (canonicalNumber(a) == canonicalNumber(b)) {
			t.Errorf("%s and %s: %s and %s", a, b, canonicalNumber(a), canonicalNumber(b))
		}
	})
}

// isNumber reports JSON numbers that are cheap to compute.
func isNumber(s string) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	return json.Valid([]byte(s)) && kindOf([]byte(s)) == "number" && len(exponent) < 4 && strings.TrimSpace(s) == s
}

func FuzzConflictingFields(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x",null]}}`), []byte(`{"a":{"b":[1,"y",null]},"c":2}`))
	f.Add([]byte("\"\"\r\r"), []byte(" \"\""))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if !json.Valid(a) || !json.Valid(b) || depth(a) > maxDepth || depth(b) > maxDepth {
			return
		}
		if fields := ConflictingFields("s", a, "s", compact(a)); fields != nil {
			t.Errorf("%s differs from itself in %v", a, fields)
		}
		there, back := ConflictingFields("s", a, "s", b), ConflictingFields("s", b, "s", a)
		if slices.Sort(there); !slices.Equal(there, sorted(back)) {
			t.Errorf("%s and %s: %v and %v", a, b, there, back)
		}
	})
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
