package ethereum

import (
	"encoding/hex"
	"encoding/json"
	"hash/maphash"
	"math/big"
	"strings"

	"golang.org/x/crypto/sha3"
)

// occupant is a transaction as far as others of its slot are concerned.
type occupant struct {
	slot   slot
	tx     Hash
	deed   uint64
	cancel bool // it sends nothing to its own sender
}

// rival is another transaction that is in the place of a watched one.
type rival struct {
	tx   Hash
	kind string // as source.Observation has it
}

// occupantOf returns what a node says of a transaction, of whatever type. What can't be read of what it does is left out; false
// if its sender or its nonce can't be.
func occupantOf(w wireOccupant) (occupant, bool) {
	t := occupant{tx: w.Hash}
	from, err := ParseAddress(text(w.From))
	if err != nil {
		return t, false
	}
	nonce, err := quantity(text(w.Nonce))
	if err != nil {
		return t, false
	}
	t.slot = slot{nonce, from}
	value, err := amount(text(w.Value))
	if err != nil {
		return t, true
	}
	digits, ok := strings.CutPrefix(text(w.Input), "0x")
	if !ok {
		return t, true
	}
	input, err := hex.DecodeString(digits)
	if err != nil {
		return t, true
	}
	var to *Address
	if !isNull(w.To) {
		address, err := ParseAddress(text(w.To))
		if err != nil {
			return t, true
		}
		to = &address
	}
	t.deed = deedOf(to, value, keccak(input))
	t.cancel = to != nil && *to == from && value.Sign() == 0 && len(input) == 0
	return t, true
}

// wireOccupant is what is read of a transaction in a block. Nothing but the hash has to be as expected.
type wireOccupant struct {
	Hash  Hash            `json:"hash"`
	From  json.RawMessage `json:"from"`
	Nonce json.RawMessage `json:"nonce"`
	To    json.RawMessage `json:"to"`
	Value json.RawMessage `json:"value"`
	Input json.RawMessage `json:"input"`
}

// text returns a JSON string; "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

var deedSeed = maphash.MakeSeed()

// deedOf returns a number that is the same for transactions that do the same: what they send to whom, with which data. It is
// never 0, which stands for not knowing. to is nil when a contract is made.
func deedOf(to *Address, value *big.Int, dataHash Hash) uint64 {
	var b [1 + 20 + 32 + 32]byte
	if to != nil {
		b[0] = 1
		copy(b[1:], to[:])
	}
	value.FillBytes(b[21:53])
	copy(b[53:], dataHash[:])
	return max(maphash.Bytes(deedSeed, b[:]), 1)
}

func keccak(b []byte) (h Hash) {
	d := sha3.NewLegacyKeccak256()
	d.Write(b)
	d.Sum(h[:0])
	return h
}

// rivalOf returns t as what is in w's place.
func rivalOf(w *watch, t *occupant) *rival {
	r := &rival{tx: t.tx, kind: "other"}
	switch {
	case w.ref.extra != nil && w.ref.extra.deed != 0 && w.ref.extra.deed == t.deed:
		r.kind = "speedup"
	case t.cancel:
		r.kind = "cancel"
	}
	return r
}
