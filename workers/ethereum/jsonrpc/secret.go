package jsonrpc

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// maxText is how many bytes of a text from outside go into an error.
const maxText = 256

// secrets knows which parts of a URL must not be shown.
type secrets []string

func secretsOf(u *url.URL) secrets {
	var s secrets
	add := func(parts ...string) {
		for _, p := range parts {
			if len(p) >= 4 { // shorter ones are words like v3 and would blank out half of every text
				s = append(s, p)
			}
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		add(u.User.Username(), password, u.User.String())
	}
	add(u.Path, u.EscapedPath(), u.RawQuery)
	add(strings.Split(u.Path, "/")...)
	add(strings.Split(u.EscapedPath(), "/")...)
	for _, values := range u.Query() {
		add(values...)
	}
	slices.SortFunc(s, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // a part must not hide its whole
	return slices.Compact(s)
}

// with returns s and the values of headers, each whole and without its scheme.
func (s secrets) with(headers http.Header) secrets {
	for _, values := range headers {
		for _, v := range values {
			for _, part := range append([]string{v}, strings.Fields(v)...) {
				if len(part) > len("Bearer") {
					s = append(s, part)
				}
			}
		}
	}
	slices.SortFunc(s, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return slices.Compact(s)
}

// clean returns text without secrets and control characters, shortened.
func (s secrets) clean(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
