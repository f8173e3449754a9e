package ethereum

import (
	"encoding/hex"
	"fmt"
)

// Hash is a transaction's or block's hash.
type Hash [32]byte

// ParseHash reads 0x and 64 hexadecimal digits of any case.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 66 || s[0] != '0' || s[1] != 'x' {
		return h, fmt.Errorf("ethereum: hash: want 0x and 64 hexadecimal digits")
	}
	if _, err := hex.Decode(h[:], []byte(s[2:])); err != nil {
		return h, fmt.Errorf("ethereum: hash: want 0x and 64 hexadecimal digits")
	}
	return h, nil
}

// String returns 0x and 64 lower-case digits.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// UnmarshalText reads what [ParseHash] reads.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// MarshalText returns what String returns.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Address is an account's address.
type Address [20]byte

// ParseAddress reads 0x and 40 hexadecimal digits of any case; the checksum that the case may hold is not looked at.
func ParseAddress(s string) (Address, error) {
	var a Address
	if len(s) != 42 || s[0] != '0' || s[1] != 'x' {
		return a, fmt.Errorf("ethereum: address: want 0x and 40 hexadecimal digits")
	}
	if _, err := hex.Decode(a[:], []byte(s[2:])); err != nil {
		return a, fmt.Errorf("ethereum: address: want 0x and 40 hexadecimal digits")
	}
	return a, nil
}

// String returns 0x and 40 lower-case digits.
func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }
