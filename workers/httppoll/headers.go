package httppoll

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// headerName is a token of RFC 9110.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")

// ownHeaders are set by the source itself or by what carries its requests.
var ownHeaders = []string{
	"Accept-Encoding", "Connection", "Content-Length", "Host", "If-None-Match", "Transfer-Encoding",
}

func (c Config) validateHeaders(f *faults) {
	authorized := false
	for name, value := range c.Headers {
		canonical := http.CanonicalHeaderKey(name)
		authorized = authorized || canonical == "Authorization"
		if !headerName.MatchString(name) {
			f.want(false, "headers", "a name is no name of an HTTP header")
			continue
		}
		f.want(!slices.Contains(ownHeaders, canonical), "headers."+name, "is set by the source itself; leave it out")
		f.want(printable(value), "headers."+name, "has control characters in it")
		f.want(value != "", "headers."+name, "is empty")
	}
	f.want(printable(c.Bearer), "bearer", "has control characters in it")
	f.want(!authorized || c.Bearer == "", "bearer", "takes the place of an Authorization header; leave one out")
	f.want(c.Bearer == "" || c.User == "", "user", "takes the place of bearer; leave one out")
	f.want(!authorized || c.User == "", "user", "takes the place of an Authorization header; leave one out")
	f.want((c.User == "") == (c.Password == ""), "user", "a user needs a password, and a password its user")
	f.want(!strings.Contains(c.User, ":"), "user", "has a colon in it, which basic authentication cannot say")
}

// printable reports whether s can be sent as the value of a header.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// header returns what is sent with every request.
func (c Config) header() http.Header {
	h := http.Header{"Accept": {"application/json"}, "User-Agent": {"trackerfleet"}}
	for name, value := range c.Headers {
		h.Set(name, value)
	}
	if c.Bearer != "" {
		h.Set("Authorization", "Bearer "+c.Bearer)
	}
	if c.User != "" {
		r := http.Request{Header: h}
		r.SetBasicAuth(c.User, c.Password)
	}
	return h
}
