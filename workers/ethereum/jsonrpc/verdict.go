package jsonrpc

import (
	"net/http"
	"strings"
	"time"
)

// responseTooLarge is geth's code for the calls of a batch that no longer fit into its answer.
const responseTooLarge = -32003

// whole handles an answer that stands for all n calls of a request: a status, one error object, or no JSON-RPC at all.
func (c *Client) whole(n, status int, h http.Header, answers []answer, single bool, parseErr error) (refused bool, err error) {
	var serverErr *Error
	if parseErr == nil && single {
		serverErr = answers[0].Error
	}
	pause, asked := retryAfter(h, time.Now())
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		if !asked && serverErr != nil {
			pause, asked = serverErr.pause()
		}
		if !asked {
			pause, asked = resetAfter(h, time.Now())
		}
		return false, c.hold(pause, asked)
	case serverErr != nil && serverErr.paced():
		if !asked {
			pause, asked = serverErr.pause()
		}
		if !asked {
			pause, asked = resetAfter(h, time.Now())
		}
		return false, c.hold(pause, asked)
	case n > 1 && (serverErr != nil || status == http.StatusRequestEntityTooLarge || status == http.StatusBadRequest):
		c.shrink(n)
		return true, nil
	case serverErr != nil:
		return false, c.clear(serverErr)
	case status != http.StatusOK:
		return false, &StatusError{Status: status}
	default:
		return false, ErrGarbage
	}
}

// match hands the answers to their calls by id.
func (c *Client) match(calls []*Call, first uint64, answers []answer, single bool) error {
	answered := make([]bool, len(calls))
	for _, a := range answers {
		id, ok := a.key()
		if single && a.Error != nil && !ok {
			id, ok = first, true // an error before the id was read has the id null
		}
		if !ok || id < first || id-first >= uint64(len(calls)) || answered[id-first] || !a.valid() {
			continue
		}
		call := calls[id-first]
		answered[id-first] = true
		if a.Error == nil {
			call.Result = a.Result
			continue
		}
		call.Err = c.clear(a.Error)
		switch {
		case a.Error.paced():
			pause, asked := a.Error.pause()
			call.Err = c.hold(pause, asked)
		case a.Error.Code == responseTooLarge && len(calls) > 1:
			c.shrink(len(calls))
		}
	}
	all := true
	for i, ok := range answered {
		if !ok {
			calls[i].Err, all = ErrNoAnswer, false
		}
	}
	if all {
		c.grow(len(calls))
	} else {
		c.shrink(len(calls))
	}
	for _, call := range calls {
		if _, paced := call.Err.(*PacedError); paced {
			return call.Err
		}
	}
	return nil
}

// hold stops all sending for the pause.
func (c *Client) hold(pause time.Duration, asked bool) error {
	if !asked {
		pause = defaultPause
	}
	until := time.Now().Add(min(pause, c.cfg.MaxPause))
	c.mu.Lock()
	defer c.mu.Unlock()
	if until.After(c.notBefore) {
		c.notBefore = until
	}
	return &PacedError{Until: c.notBefore}
}

// clear takes secrets out of a server's error.
func (c *Client) clear(e *Error) *Error {
	e.Message = c.secrets.clean(strings.TrimPrefix(e.Message, "jsonrpc: "))
	return e
}

func (c *Client) shrink(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch, c.good = max(1, min(c.batch, n)/2), 0
}

// grow tries larger batches again after a long run of good ones: one bad moment must not cost for ever.
func (c *Client) grow(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n < c.batch || c.batch == c.cfg.BatchSize {
		return
	}
	if c.good++; c.good >= growAfter {
		c.batch, c.good = min(c.batch*2, c.cfg.BatchSize), 0
	}
}
