package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseIDTable(t *testing.T) {
	for s, ok := range map[string]bool{
		"t": true, " ": true, "a.b": true, "*": true, ">": true, "$JS.API": true, "/": true, "é": true, "=": true, "=dA": true, "{": true,
		strings.Repeat("x", 128): true, "\u2028": true, "\ufffd": true,
		"": false, strings.Repeat("x", 129): false, strings.Repeat("é", 65): false, "a\x00": false, "a\n": false, "\x7f": false, "\u0085": false,
		"\xff": false, "\xed\xa0\x80": false,
	} {
		id, err := ParseID(s)
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalid) || id.IsZero() == ok {
			t.Errorf("%q: %v, %v", s, id, err)
		}
	}
}

func TestTokenTable(t *testing.T) {
	for s, want := range map[string]string{
		"txn_01:-Z": "txn_01:-Z", "a.b": "=YS5i", " ": "=IA", "=": "=PQ", "é": "=w6k", "0xAB": "0xAB", "0xab": "0xab",
	} {
		id, err := ParseID(s)
		if got := id.Token(); err != nil || got != want {
			t.Errorf("%q: token %q, want %q, %v", s, got, want, err)
		}
	}
	for _, token := range []string{"", "=", NoToken, "a.b", "*", ">", "a b", "=dA", "=YS5i=", "=YS5j ", "=_w", "=YS5", "é", "=AA", "a\n"} {
		if id, err := ParseToken(token); err == nil || !errors.Is(err, ErrInvalid) {
			t.Errorf("token %q was taken as %q, %v", token, id, err)
		}
	}
}

// The figures are those of contract.md 1: FNV-1a 32 of the token, modulo 16384, modulo 256.
func TestPartitionIsWhatTheContractSays(t *testing.T) {
	for s, hash := range map[string]uint32{"a": 0xe40c292c, "foobar": 0xbf9cf968} { // published vectors of FNV-1a
		id, err := ParseID(s)
		if want := int(hash % Slots); err != nil || id.Slot() != want || id.Partition() != want%Partitions {
			t.Errorf("%s: slot %d, partition %d, want %d, %d", s, id.Slot(), id.Partition(), want, want%Partitions)
		}
	}
}

func FuzzID(f *testing.F) {
	for _, s := range []string{"txn_1", "a.b *>$/é", "", "=", "=dA", "\x00", "\xff", strings.Repeat("é", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseToken(s); err == nil && id.Token() != s {
			t.Errorf("token %q is read as %q, whose token is %q", s, id, id.Token())
		}
		id, err := ParseID(s)
		if err != nil {
			if utf8.ValidString(s) && s != "" && len(s) <= MaxIDBytes && strings.IndexFunc(s, isControl) < 0 {
				t.Errorf("%q is refused: %v", s, err)
			}
			return
		}
		if id.String() != s || strings.ContainsAny(id.Token(), ".*> \t\r\n$/") || len(id.Token()) > 1+(MaxIDBytes*4+2)/3 {
			t.Errorf("%q: %q, token %q", s, id, id.Token())
		}
		if back, err := ParseToken(id.Token()); err != nil || back != id {
			t.Errorf("%q: token %q is read as %q, %v", s, id.Token(), back, err)
		}
		if subject := StateSubject(id); subject != fmt.Sprintf("tracker.fleet.state.%d.%d.%s", id.Partition(), id.Slot(), id.Token()) {
			t.Errorf("%q: record at %s", s, subject)
		}
		b, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		var back ID
		if err := json.Unmarshal(b, &back); err != nil || back != id {
			t.Errorf("%q: JSON %s is read as %q, %v", s, b, back, err)
		}
	})
}
