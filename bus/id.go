package bus

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// Partitions is how many partitions the slots are dealt to; a partition is the unit of ownership.
const Partitions = 256

// Slots is how many slots the tokens hash to; slots group the records of a partition for bulk reads.
const Slots = 16384

// MaxIDBytes is the length of the longest transaction ID.
const MaxIDBytes = 128

// ID is a transaction ID that was found valid: UTF-8, 1 to 128 bytes, no control characters. IDs are equal when their
// bytes are. The zero ID is not valid and stands for none; get an ID from [ParseID] or [ParseToken].
type ID struct{ raw string }

// ParseID returns s as an ID. It fails with an error that is [ErrInvalid] and says what is wrong with s.
func ParseID(s string) (ID, error) {
	switch {
	case s == "":
		return ID{}, fmt.Errorf("%w: transaction ID is empty", ErrInvalid)
	case len(s) > MaxIDBytes:
		return ID{}, fmt.Errorf("%w: transaction ID has %d bytes, at most %d are allowed", ErrInvalid, len(s), MaxIDBytes)
	case !utf8.ValidString(s):
		return ID{}, fmt.Errorf("%w: transaction ID is not valid UTF-8", ErrInvalid)
	}
	if i := strings.IndexFunc(s, isControl); i >= 0 {
		return ID{}, fmt.Errorf("%w: transaction ID has a control character at byte %d", ErrInvalid, i)
	}
	return ID{raw: s}, nil
}

// isControl reports the C0 and C1 control characters and DEL.
func isControl(r rune) bool { return r < 0x20 || (r >= 0x7f && r <= 0x9f) }

// ParseToken returns the ID that token stands for. Every ID has exactly one token; another spelling of it is refused.
func ParseToken(token string) (ID, error) {
	if !strings.HasPrefix(token, "=") {
		id, err := ParseID(token)
		if err == nil && !plainToken(token) {
			err = fmt.Errorf("%w: token %q has bytes that a token cannot have", ErrInvalid, token)
		}
		if err != nil {
			return ID{}, err
		}
		return id, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token[1:])
	if err != nil {
		return ID{}, fmt.Errorf("%w: token %q is not base64url: %w", ErrInvalid, token, err)
	}
	id, err := ParseID(string(raw))
	if err != nil {
		return ID{}, err
	}
	if plainToken(id.raw) {
		return ID{}, fmt.Errorf("%w: token %q spells an ID that is its own token", ErrInvalid, token)
	}
	return id, nil
}

// plainToken reports whether every byte of s may stand in a subject token as it is.
func plainToken(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '_', b == '-', b == ':':
		default:
			return false
		}
	}
	return true
}

// String returns the ID as its owner wrote it.
func (id ID) String() string { return id.raw }

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id.raw == "" }

// Token returns what stands for the ID in subjects: the ID itself when every byte is one of A-Z a-z 0-9 _ - :, otherwise
// "=" and the unpadded base64url of its bytes.
func (id ID) Token() string {
	if plainToken(id.raw) {
		return id.raw
	}
	return "=" + base64.RawURLEncoding.EncodeToString([]byte(id.raw))
}

// Slot returns FNV-1a 32 of the token, modulo [Slots].
func (id ID) Slot() int {
	h := fnv.New32a()
	h.Write([]byte(id.Token()))
	return int(h.Sum32() % Slots)
}

// Partition returns the partition of the ID, the same that the subject mapping {{partition(256,n)}} of nats-server
// computes from the token.
func (id ID) Partition() int { return id.Slot() % Partitions }

// MarshalJSON writes the ID as a JSON string.
func (id ID) MarshalJSON() ([]byte, error) { return Encode(id.raw) }

// UnmarshalJSON reads a JSON string and refuses what [ParseID] refuses.
func (id *ID) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	parsed, err := ParseID(s)
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
