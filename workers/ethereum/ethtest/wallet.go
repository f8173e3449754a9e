package ethtest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"

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
	gwei = 1_000_000_000
	// revertingInit is creation code that reverts with what follows it: 100 bytes from offset 12 to memory, and REVERT.
	revertingInit = "\x60\x64\x60\x0c\x60\x00\x39\x60\x64\x60\x00\xfd"
)

// RevertData is what a transaction that reverts gives as its reason, in hex: Solidity's Error("no").
var RevertData = fmt.Sprintf("0x08c379a0%064x%064x6e6f%060x", 32, 2, 0)

// transaction returns a signed transaction (EIP-1559) with the account's first nonce: one wei to nobody, or a contract creation
// that reverts.
func (a account) transaction(reverts bool) Tx {
	gas, to, value, code := 21_000, make([]byte, 20), 1, ""
	to[19] = 0xaa
	if reverts {
		gas, to, value, code = 100_000, nil, 0, revertingCode()
	}
	fields := []any{
		uint64(ChainID), uint64(0), uint64(gwei), uint64(100 * gwei), uint64(gas), to, uint64(value), []byte(code), []any{},
	}
	r, s, parity := sign(a.key, keccak(append([]byte{2}, rlp(fields)...)))
	raw := append([]byte{2}, rlp(append(fields, parity, r.Bytes(), s.Bytes()))...)
	return Tx{Hash: "0x" + hex.EncodeToString(keccak(raw)), From: a.String(), Reverts: reverts, raw: "0x" + hex.EncodeToString(raw)}
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
