package httppoll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"code.dny.dev/ssrf"
)

// answer is what came back of one request.
type answer struct {
	code   int
	header http.Header
	body   []byte // of a 2xx
	err    error  // why there is none; without secrets
}

// maxDrained is how many bytes of a body that nobody needs are read, so that its connection can be used again.
const maxDrained = 4 << 10

// fetch asks once. It waits for nothing but the answer, and not longer than Timeout.
func (s *Source) fetch(ctx context.Context, url, etag string) answer {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, s.cfg.Method, url, http.NoBody)
	if err != nil {
		return answer{err: s.plainError(err)}
	}
	req.Header = s.header.Clone()
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{err: s.plainError(err)}
	}
	defer resp.Body.Close()
	a := answer{code: resp.StatusCode, header: resp.Header}
	if resp.StatusCode/100 != 2 {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrained) // what can't be read is not needed
		return a
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, s.cfg.MaxBody+1))
	switch {
	case err != nil:
		a.err = s.plainError(err)
	case int64(len(a.body)) > s.cfg.MaxBody:
		a.err = fmt.Errorf("%w: more than %d bytes", errTooLarge, s.cfg.MaxBody)
	}
	return a
}

// plainError strips err of the URL and of secrets.
func (s *Source) plainError(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", s.cfg.Timeout)
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return errPrivate
	}
	return errors.New(s.secrets.clean(err.Error(), maxText))
}
