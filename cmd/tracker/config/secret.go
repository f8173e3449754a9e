package config

import (
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"strings"
)

// redacted stands wherever a secret would.
const redacted = "[redacted]"

// Secret is a value that no output shows: every way to print it gives a redacted form. [Secret.Reveal] returns it.
type Secret struct {
	value string
	from  string // reference it was read from, such as "from_env: PSP_TOKEN"; empty: written out
	file  string // that it was read from; empty: none
	isURL bool
}

// NewSecret returns a secret that was written out.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the secret itself, for the one place that sends it.
func (s Secret) Reveal() string { return s.value }

// Fresh returns the secret as its file holds it by now, so that a new one is taken up without a restart. When there is no file, or
// nothing can be read from it, it is what it was at first.
func (s Secret) Fresh() string {
	if s.file != "" {
		if value, err := readSecret(s.file); err == nil && value != "" {
			return value
		}
	}
	return s.value
}

// readSecret reads a secret from a file, without the space around it.
func readSecret(file string) (string, error) {
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)), err
}

// IsZero reports whether nothing is set.
func (s Secret) IsZero() bool { return s.value == "" && s.from == "" }

// String returns the reference the secret was read from, scheme and host of a URL, or a mark.
func (s Secret) String() string {
	switch {
	case s.from != "":
		return "{" + s.from + "}"
	case s.value == "":
		return ""
	case s.isURL:
		return RedactURL(s.value)
	}
	return redacted
}

// GoString returns what String does, so that %#v shows no more.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON writes what String returns.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText writes what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue logs what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// URL is an address that may carry user and password; printing it leaves them out.
type URL string

// String returns the URL without user and password.
func (u URL) String() string {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return redacted
	}
	if parsed.User != nil {
		parsed.User = url.User(redacted)
		return strings.Replace(parsed.String(), url.User(redacted).String(), redacted, 1)
	}
	return string(u)
}

// GoString returns what String does, so that %#v shows no more.
func (u URL) GoString() string { return u.String() }

// MarshalJSON writes what String returns.
func (u URL) MarshalJSON() ([]byte, error) { return json.Marshal(u.String()) }

// RedactURL returns scheme and host of raw; user, path, query and fragment, where keys are kept, become an ellipsis.
// What is not a URL becomes a mark.
func RedactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return redacted
	}
	out := u.Scheme + "://" + u.Host
	if u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		out += "/…"
	}
	return out
}
