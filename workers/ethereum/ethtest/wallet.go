package ethtest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/sha3"
)

// account is a key and its address.
type account struct {
	key     *big.Int
	address []byte
}

func newAccount() account {
	key, err := rand.Int(rand.Reader, new(big.Int).Sub(curveN, big.NewInt(1)))
	if err != nil {
		panic(err)
	}
	key.Add(key, big.NewInt(1))
	public := curveG.times(key)
	var xy [64]byte
	public.x.FillBytes(xy[:32])
	public.y.FillBytes(xy[32:])
	return account{key, keccak(xy[:])[12:]}
}

func (a account) String() string { return "0x" + hex.EncodeToString(a.address) }

const (
	gwei = uint64(1_000_000_000)
	// revertingInit is creation code that reverts with what follows it: 100 bytes from offset 12 to memory, and REVERT.
	revertingInit = "\x60\x64\x60\x0c\x60\x00\x39\x60\x64\x60\x00\xfd"
)

// RevertData is what a transaction that reverts gives as its reason, in hex: Solidity's Error("no").
var RevertData = fmt.Sprintf("0x08c379a0%064x%064x6e6f%060x", 32, 2, 0)

// transaction returns a signed transaction with the account's first nonce: one wei to nobody, or a contract creation that
// reverts.
func (a *account) transaction(reverts bool) Tx {
	tx := Tx{From: a.String(), To: nobody, Value: "0x1", Input: "0x", Reverts: reverts, account: a}
	if reverts {
		tx.To, tx.Value, tx.Input = "", "0x0", "0x"+hex.EncodeToString([]byte(revertingCode()))
	}
	return tx.signed()
}

// signed returns the transaction (EIP-1559) with its signature and hash. Every bump raises both fees by a tenth or more, up to
// ten of them.
func (tx Tx) signed() Tx {
	gas, bumps := 21_000, uint64(1+tx.bumps)
	if tx.To == "" {
		gas = 100_000
	}
	fields := []any{
		uint64(ChainID), tx.Nonce, gwei * bumps, 100 * gwei * bumps, uint64(gas),
		decoded(tx.To), new(big.Int).SetBytes(decoded(tx.Value)).Bytes(), decoded(tx.Input),
		[]any{},
	}
	r, s, parity := sign(tx.account.key, keccak(append([]byte{2}, rlp(fields)...)))
	raw := append([]byte{2}, rlp(append(fields, parity, r.Bytes(), s.Bytes()))...)
	tx.Hash, tx.raw = "0x"+hex.EncodeToString(keccak(raw)), "0x"+hex.EncodeToString(raw)
	return tx
}

// decoded returns the bytes of a hexadecimal string; "" has none.
func decoded(s string) []byte {
	s = strings.TrimPrefix(s, "0x")
	if len(s)%2 == 1 {
		s = "0" + s
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// revertingCode is creation code that reverts with RevertData.
func revertingCode() string {
	data, err := hex.DecodeString(RevertData[2:])
	if err != nil {
		panic(err)
	}
	return revertingInit + string(data)
}

func keccak(b []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	return h.Sum(nil)
}

// rlp encodes bytes, numbers and lists of them in Ethereum's recursive length prefix.
func rlp(v any) []byte {
	switch v := v.(type) {
	case uint64:
		return rlp(new(big.Int).SetUint64(v).Bytes())
	case []byte:
		if len(v) == 1 && v[0] < 0x80 {
			return v
		}
		return append(rlpLength(0x80, len(v)), v...)
	case []any:
		var body []byte
		for _, e := range v {
			body = append(body, rlp(e)...)
		}
		return append(rlpLength(0xc0, len(body)), body...)
	default:
		panic("ethtest: rlp of an unknown type")
	}
}

func rlpLength(offset byte, n int) []byte {
	if n < 56 {
		return []byte{offset + byte(n)}
	}
	length := big.NewInt(int64(n)).Bytes()
	return append([]byte{offset + 55 + byte(len(length))}, length...)
}
