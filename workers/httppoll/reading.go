package httppoll

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// outcome is of what use an answer is.
type outcome uint8

const (
	useless outcome = iota
	useful
	paced   // it asks to wait
	refused // it does not take the credentials
)

// reading is an answer, understood.
type reading struct {
	outcome outcome
	code    int
	err     error         // what is wrong; without secrets
	pause   time.Duration // paced: for how long
	asked   bool          // paced: the provider said for how long
	same    bool          // as before
	one     said
	items   map[string]said // in list mode, by id
	etag    string
	unknown []string // statuses that are not in the map
}

// maxTag bounds tags; a longer one is not kept, and the answer is sent whole each time.
const maxTag = 128

// read understands an answer that was given at now.
func (s *Source) read(a answer, now time.Time) reading {
	r := reading{code: a.code, err: a.err}
	switch code := a.code; {
	case a.err != nil:
	case code/100 == 2:
		s.readBody(a, &r)
	case code == http.StatusNotModified:
		r.outcome, r.same = useful, true
	case code == http.StatusNotFound && !s.cfg.listed():
		r.outcome, r.one = useful, said{meaning: absent}
	case code == http.StatusGone && !s.cfg.listed():
		r.outcome, r.one = useful, said{meaning: dropped, reason: "410 Gone"}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		r.outcome, r.err = refused, fmt.Errorf("the credentials are refused: %s", codeText(code))
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		r.outcome, r.err = paced, fmt.Errorf("the provider asks to wait: %s", codeText(code))
		r.pause, r.asked = retryAfter(a.header, now)
	case code/100 == 3:
		r.err = errElsewhere
	default:
		r.err = fmt.Errorf("the provider answers %s", codeText(code))
	}
	return r
}

func codeText(code int) string { return fmt.Sprintf("%d %s", code, http.StatusText(code)) }

// readBody evaluates the expressions on a 2xx.
func (s *Source) readBody(a answer, r *reading) {
	body, err := decode(a.body)
	if err != nil {
		r.err = err
		return
	}
	v := &view{Body: body, Header: lower(a.header), Code: a.code, Item: body}
	if s.cfg.listed() {
		s.readList(v, r)
	} else if r.one, r.err = s.readStatus(v, r); r.err == nil {
		r.outcome = useful
	}
	if tag := a.header.Get("Etag"); r.outcome == useful && len(tag) <= maxTag && printable(tag) {
		r.etag = tag
	}
}

// readStatus finds the status of one transaction.
func (s *Source) readStatus(v *view, r *reading) (said, error) {
	out, err := evaluate(s.status, v)
	var status string
	if err == nil {
		status, err = word(out)
	}
	if err != nil {
		return said{}, fmt.Errorf("status: %s", s.secrets.clean(err.Error(), maxText))
	}
	if _, known := s.meanings[status]; !known && len(r.unknown) < maxUnknown {
		r.unknown = append(r.unknown, s.secrets.clean(status, maxWord))
	}
	return s.saying(status), nil
}

// readList finds the items of a list. One that can't be understood is left out, as long as there is another.
func (s *Source) readList(v *view, r *reading) {
	out, err := evaluate(s.items, v)
	list, ok := out.([]any)
	if err == nil && !ok {
		err = errors.New("is no list")
	}
	if err != nil {
		r.err = fmt.Errorf("list.items: %s", s.secrets.clean(err.Error(), maxText))
		return
	}
	r.items = make(map[string]said, len(list))
	for _, v.Item = range list {
		id, err := evaluate(s.itemID, v)
		var name string
		if err == nil {
			name, err = word(id)
		}
		var x said
		if err != nil {
			err = fmt.Errorf("list.id: %s", s.secrets.clean(err.Error(), maxText))
		} else {
			x, err = s.readStatus(v, r)
		}
		if err != nil {
			r.err = err
			continue
		}
		if _, twice := r.items[name]; !twice {
			r.items[name] = x
		}
	}
	if len(r.items) > 0 || len(list) == 0 {
		r.outcome = useful
	}
}

// said returns what r says of the transaction of w.
func (r reading) said(w *watch) said {
	if r.same && !w.told.final() {
		return said{meaning: w.told}
	}
	return r.one
}
