package httppoll

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Bounds on texts from outside, in bytes.
const (
	maxText = 256
	maxWord = 128
)

// secrets are texts that must not be shown.
type secrets []string

// Shorter texts are words and would blank out half of every message. A key in a path is told from words by its length.
const (
	minSecret     = 4
	minPathSecret = 16
)

// secretsOf returns what is secret in the headers and in the URL of an account.
func secretsOf(h http.Header, u *url.URL) secrets {
	var s secrets
	add := func(least int, texts ...string) {
		for _, text := range texts {
			if len(text) >= least {
				s = append(s, text)
			}
		}
	}
	for name, values := range h {
		if name == "Accept" || name == "User-Agent" {
			continue
		}
		for _, value := range values {
			add(minSecret, value)
			for _, field := range strings.Fields(value) {
				if strings.EqualFold(field, "bearer") || strings.EqualFold(field, "basic") {
					continue
				}
				add(minSecret, field)
				if raw, err := base64.StdEncoding.DecodeString(field); err == nil && strings.Contains(string(raw), ":") {
					user, password, _ := strings.Cut(string(raw), ":")
					add(minSecret, string(raw), user, password)
				}
			}
		}
	}
	for _, values := range u.Query() {
		add(minSecret, values...)
	}
	add(minPathSecret, strings.Split(u.Path, "/")...)
	slices.SortFunc(s, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // a part must not hide its whole
	return slices.Compact(s)
}

// clean returns text without secrets and control characters, at most limit bytes of it.
func (s secrets) clean(text string, limit int) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
