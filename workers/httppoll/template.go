package httppoll

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// template is a URL with variables in its path and query.
type template struct {
	parts []part
	names []string // of the variables, each once, in the order of their first use
}

// part is a piece of the URL followed by a variable.
type part struct {
	text    string
	name    int // of the variable, in names; none: the end
	inQuery bool
}

const none = -1

// Bounds of templates and of what fills them.
const (
	maxVariables  = 8
	maxValueBytes = 256
	maxURLBytes   = 2048
)

var variableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// parseTemplate splits text at its variables and adds what is wrong with it to f.
func parseTemplate(text string, f *faults) template {
	var t template
	f.want(text != "", "url", "is missing; such as https://api.example.com/v1/payments/{id}")
	f.want(len(text) <= maxURLBytes, "url", "has %d bytes, at most %d are possible", len(text), maxURLBytes)
	host := len(text)
	if _, rest, ok := strings.Cut(text, "://"); ok {
		host = len(text) - len(rest)
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			host += i
		} else {
			host = len(text)
		}
	}
	at := 0
	for {
		begin := strings.IndexAny(text[at:], "{}")
		if begin < 0 {
			t.parts = append(t.parts, part{text: text[at:], name: none})
			break
		}
		begin += at
		length := strings.IndexByte(text[begin:], '}')
		if text[begin] == '}' || length < 0 || !variableName.MatchString(text[begin+1:begin+length]) {
			f.want(false, "url", "a brace that holds no variable, such as {id}, of a-z 0-9 _")
			return t
		}
		f.want(begin >= host, "url", "a variable in front of the path: only the operator names hosts")
		t.add(text[at:begin], text[begin+1:begin+length], strings.Contains(text[:begin], "?"))
		at = begin + length + 1
	}
	f.want(len(t.names) <= maxVariables, "url", "has %d variables, at most %d are possible", len(t.names), maxVariables)
	return t
}

func (t *template) add(text, name string, inQuery bool) {
	i := slices.Index(t.names, name)
	if i < 0 {
		i = len(t.names)
		t.names = append(t.names, name)
	}
	t.parts = append(t.parts, part{text: text, name: i, inQuery: inQuery})
}

// separator stands between values; no value holds it.
const separator = "\x00"

// fill returns the URL with the values in it, which are those of names, joined by separator. Each is escaped for its place.
func (t template) fill(values string) string {
	var b strings.Builder
	split := strings.Split(values, separator)
	for _, p := range t.parts {
		b.WriteString(p.text)
		switch {
		case p.name == none:
		case p.inQuery:
			b.WriteString(url.QueryEscape(split[p.name]))
		default:
			b.WriteString(url.PathEscape(split[p.name]))
		}
	}
	return b.String()
}

// example returns the URL with something in place of its variables.
func (t template) example() (*url.URL, error) {
	return url.Parse(t.fill(strings.Repeat("x"+separator, max(len(t.names), 1)-1) + "x"))
}

// check adds what is wrong with where the template leads to f, and returns its scheme and host.
func (c Config) check(t template, f *faults) *url.URL {
	u, err := t.example()
	if err != nil || u.Hostname() == "" {
		f.want(false, "url", "is no URL with a host, such as https://api.example.com/v1/payments/{id}")
		return &url.URL{}
	}
	f.want(u.Scheme == "https" || u.Scheme == "http", "url", "must begin with https://")
	f.want(u.Scheme != "http" || c.AllowHTTP, "url", "has no TLS; allow_http would allow it")
	f.want(u.User == nil, "url", "holds a user; user and password are settings of their own")
	f.want(u.Fragment == "", "url", "has a fragment, which is never sent")
	_, err = portOf(u)
	f.want(err == nil, "url", "its port is none")
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		f.want(c.AllowPrivate || c.guardian(u).SafeAddr(ip) == nil, "url", "%v", errPrivate)
	}
	if c.listed() {
		f.want(!slices.Contains(t.names, itemID), "url", "has {id}, but its answers hold many; leave it out")
	} else {
		f.want(len(t.names) > 0, "url", "has no variable, so every transaction would be the same; such as {id}")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}
