package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// growAfter is how many batches in a row must succeed before a larger one is tried again.
const growAfter = 128

// Call is one call of a batch and, after [Client.Do], its answer.
type Call struct {
	Method string
	Params []any

	Result json.RawMessage // as it came, may be null
	Err    error           // *Error, ErrNoAnswer, or nil
}

// NewCall returns a call of method with params.
func NewCall(method string, params ...any) *Call {
	if params == nil {
		params = []any{}
	}
	return &Call{Method: method, Params: params}
}

// leftOut reports whether the answer to a batch had no room for the call.
func (c *Call) leftOut() bool {
	if c.Err == ErrNoAnswer {
		return true
	}
	e, ok := c.Err.(*Error)
	return ok && e.Code == responseTooLarge
}

// Client talks to one server. Make one with [New].
type Client struct {
	cfg     Config
	name    string
	secrets secrets
	limiter *rate.Limiter
	http    *http.Client

	mu        sync.Mutex // guards what follows
	batch     int        // largest batch that the server is believed to take
	good      int        // batches in a row since the last refusal
	notBefore time.Time
	nextID    uint64
	counts    map[string]uint64
	latency   time.Duration
}

// New returns a client, or every fault of cfg joined. It sends nothing.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	u, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	limit := rate.Inf
	if cfg.Rate > 0 {
		limit = rate.Limit(cfg.Rate)
	}
	return &Client{
		cfg:     cfg,
		name:    u.Scheme + "://" + u.Host,
		secrets: secretsOf(u).with(cfg.Headers),
		limiter: rate.NewLimiter(limit, max(cfg.BatchSize, int(math.Ceil(cfg.Rate)))),
		http: &http.Client{
			Transport:     cfg.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		batch:  cfg.BatchSize,
		counts: map[string]uint64{},
	}, nil
}

// Name is the server's scheme and host, without anything secret.
func (c *Client) Name() string { return c.name }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Counts returns how often each method was called so far, repetitions included.
func (c *Client) Counts() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// BatchSize is the largest batch that the server is believed to take.
func (c *Client) BatchSize() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.batch
}

// Latency is how long the last answered request took.
func (c *Client) Latency() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latency
}

// Do sends calls in as many batches as needed, one after the other, and fills in their answers. It fails with the cause of
// ctx, a [*PacedError], a [*StatusError], [ErrTooLarge], [ErrGarbage] or a network error; then calls that were not answered
// hold that error too. Calls that an answered batch left out are sent once more. A nil error still leaves each call's own Err
// to look at.
func (c *Client) Do(ctx context.Context, calls ...*Call) error {
	if err := c.do(ctx, calls); err != nil {
		return err
	}
	var left []*Call
	for _, call := range calls {
		if len(calls) > 1 && call.leftOut() {
			call.Err = nil
			left = append(left, call)
		}
	}
	return c.do(ctx, left)
}

func (c *Client) do(ctx context.Context, calls []*Call) error {
	for len(calls) > 0 {
		n := min(c.BatchSize(), len(calls))
		refused, err := c.send(ctx, calls[:n])
		if refused {
			continue
		}
		if err != nil {
			for _, call := range calls {
				if call.Result == nil && call.Err == nil {
					call.Err = err
				}
			}
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// send sends one batch. refused means that it was too large, the next will be smaller, and nothing was answered.
func (c *Client) send(ctx context.Context, calls []*Call) (refused bool, err error) {
	if err := c.admit(ctx, len(calls)); err != nil {
		return false, err
	}
	first, body, err := c.encode(calls)
	if err != nil {
		return false, err
	}
	status, header, raw, err := c.post(ctx, body, len(calls))
	if err != nil {
		return false, err
	}
	answers, single, parseErr := parseAnswers(raw)
	if len(calls) > 1 && len(answers) == 1 && answers[0].Error != nil { // geth wraps its refusal of a batch in an array of one
		single = true
	}
	if single && len(calls) > 1 || status != http.StatusOK || parseErr != nil {
		return c.whole(len(calls), status, header, answers, single, parseErr)
	}
	return false, c.match(calls, first, answers, single)
}

// admit waits for the rate limit. It fails at once while the server's own pause lasts.
func (c *Client) admit(ctx context.Context, n int) error {
	c.mu.Lock()
	until := c.notBefore
	c.mu.Unlock()
	if time.Now().Before(until) {
		return &PacedError{Until: until}
	}
	if err := c.limiter.WaitN(ctx, min(n, c.limiter.Burst())); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &PacedError{Until: time.Now().Add(defaultPause)}
	}
	return nil
}

type request struct {
	Version string `json:"jsonrpc"`
	ID      uint64 `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

// encode gives the calls consecutive ids. One call is sent as an object: some servers take no batches at all.
func (c *Client) encode(calls []*Call) (first uint64, body []byte, err error) {
	c.mu.Lock()
	first = c.nextID + 1
	c.nextID += uint64(len(calls))
	for _, call := range calls {
		c.counts[call.Method]++
	}
	c.mu.Unlock()
	requests := make([]request, len(calls))
	for i, call := range calls {
		requests[i] = request{"2.0", first + uint64(i), call.Method, call.Params}
	}
	if len(calls) == 1 {
		body, err = json.Marshal(requests[0])
	} else {
		body, err = json.Marshal(requests)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("jsonrpc: encode: %w", err)
	}
	return first, body, nil
}

func (c *Client) post(ctx context.Context, body []byte, calls int) (status int, header http.Header, raw []byte, err error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, c.transport(parent, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	maps.Copy(req.Header, c.cfg.Headers)
	start := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, c.transport(parent, err)
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxBody+1))
	if err != nil {
		return 0, nil, nil, c.transport(parent, err)
	}
	if int64(len(raw)) > c.cfg.MaxBody {
		c.shrink(calls)
		return 0, nil, nil, ErrTooLarge
	}
	c.mu.Lock()
	c.latency = time.Since(start)
	c.mu.Unlock()
	return resp.StatusCode, resp.Header, raw, nil
}

// transport strips err of the URL. The caller's own cancellation comes back as its cause.
func (c *Client) transport(parent context.Context, err error) error {
	if parent.Err() != nil {
		return context.Cause(parent)
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	out := &transportError{text: c.secrets.clean(err.Error())}
	if errors.Is(err, context.DeadlineExceeded) {
		out.text, out.cause = fmt.Sprintf("no answer within %v", c.cfg.Timeout), context.DeadlineExceeded
	}
	return out
}
