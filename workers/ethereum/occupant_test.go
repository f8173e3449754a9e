package ethereum

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const sender, receiver = "0x71562b71999873db5b286df957af199ec94617f7", "0x00000000000000000000000000000000000000aa"

// wholeTx is a transaction as a block read in full has it.
func wholeTx(hash, from, nonce, to, value, input string) string {
	return fmt.Sprintf(`{"hash":%q,"from":%s,"nonce":%s,"to":%s,"value":%s,"input":%s,"type":"0x7e","blobs":[{"x":[1]}]}`,
		hash, from, nonce, to, value, input)
}

func quoted(s string) string { return `"` + s + `"` }

// No transaction of a block keeps it from being read, whatever it is: one that does not say its sender just takes no slot.
func TestDecodeWholeBlock(t *testing.T) {
	from, nonce, to := quoted(sender), `"0x7"`, quoted(receiver)
	txs := []string{
		wholeTx(numbered(1).String(), from, nonce, to, `"0x1"`, `"0x"`),
		wholeTx(numbered(2).String(), from, `"0x8"`, "null", `"0x0"`, `"0x6000"`),
		wholeTx(numbered(3).String(), "null", nonce, to, `"0x1"`, `"0x"`),
		wholeTx(numbered(4).String(), from, "9", to, `"0x1"`, `"0x"`),
		fmt.Sprintf(`{"hash":%q}`, numbered(5)),
		wholeTx(numbered(6).String(), from, `"0xa"`, `{"x":1}`, `[]`, `7`),
	}
	raw := fmt.Sprintf(`{"number":"0x10","hash":%q,"parentHash":%q,"timestamp":"0x6553f100","transactions":[%s]}`,
		one, zeros, strings.Join(txs, ","))
	b, err := decodeBlock(json.RawMessage(raw))
	if err != nil || !b.full || b.complete() || len(b.txs) != 6 {
		t.Fatalf("%+v, %v", b, err)
	}
	var nonces []uint64
	for _, occupant := range b.occupants {
		if occupant.slot.from.String() != sender {
			t.Errorf("sender %s", occupant.slot.from)
		}
		nonces = append(nonces, occupant.slot.nonce)
	}
	if fmt.Sprint(nonces) != "[7 8 10]" || b.occupants[0].deed == 0 || b.occupants[1].deed == 0 || b.occupants[2].deed != 0 {
		t.Errorf("slots are taken by %+v", b.occupants)
	}
	for _, bad := range []string{`{}`, `7`, `null`, `{"hash":"0x1"}`, `[]`} {
		if b, err := decodeBlock(json.RawMessage(strings.Replace(raw, txs[4], bad, 1))); err == nil {
			t.Errorf("a block with %s: %+v, want an error", bad, b)
		}
	}
}

func TestKindOfReplacement(t *testing.T) {
	read := func(to, value, input string) *occupant {
		var w wireOccupant
		if err := json.Unmarshal([]byte(wholeTx(one, quoted(sender), `"0x7"`, to, value, input)), &w); err != nil {
			t.Fatal(err)
		}
		occupant, ok := occupantOf(w)
		if !ok {
			t.Fatalf("%s takes no slot", to)
		}
		return &occupant
	}
	to, self, mixed := quoted(receiver), quoted(sender), quoted("0x71562b71999873DB5b286dF957af199Ec94617F7")
	payment, call := read(to, `"0x1"`, `"0x"`), read(to, `"0x0"`, `"0xa9059cbb"`)
	unknown := &occupant{}
	for _, tt := range []struct {
		name       string
		was, other *occupant
		want       string
	}{
		{"the same", payment, read(to, `"0x1"`, `"0x"`), "speedup"},
		{"another amount", payment, read(to, `"0x2"`, `"0x"`), "other"},
		{"to somebody else", payment, read(quoted("0x00000000000000000000000000000000000000bb"), `"0x1"`, `"0x"`), "other"},
		{"the same call", call, read(to, `"0x0"`, `"0xA9059cbb"`), "speedup"},
		{"other data", call, read(to, `"0x0"`, `"0xa9059cbc"`), "other"},
		{"nothing to itself", payment, read(self, `"0x0"`, `"0x"`), "cancel"},
		{"in capitals", payment, read(mixed, `"0x0"`, `"0x"`), "cancel"},
		{"something to itself", payment, read(self, `"0x1"`, `"0x"`), "other"},
		{"data to itself", payment, read(self, `"0x0"`, `"0x00"`), "other"},
		{"a cancellation with higher fees", read(self, `"0x0"`, `"0x"`), read(self, `"0x0"`, `"0x"`), "speedup"},
		{"a contract", payment, read("null", `"0x1"`, `"0x"`), "other"},
		{"nothing known of it", unknown, payment, "other"},
		{"nothing known of either", unknown, unknown, "other"},
		{"nothing known of it, nothing to itself", unknown, read(self, `"0x0"`, `"0x"`), "cancel"},
	} {
		w := &watch{ref: ref{extra: &extra{deed: tt.was.deed}}}
		if got := rivalOf(w, tt.other).kind; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
