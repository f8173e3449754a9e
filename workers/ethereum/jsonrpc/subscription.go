package jsonrpc

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// SubscribeConfig says how to subscribe to something by a websocket. Only URL is required.
type SubscribeConfig struct {
	// URL is the ws or wss address. User, path and query are taken for secrets.
	URL string
	// Headers are sent with the handshake. Their values are taken for secrets.
	Headers http.Header
	// Timeout limits the handshake with the subscription, and each ping. 0: 10 s.
	Timeout time.Duration
	// MaxMessage limits one message, in bytes. 0: 64 KiB.
	MaxMessage int64
	// Transport carries the handshake; the bodies of its answers must be fit to write to, as those of an [http.Transport] are.
	// nil: a transport of its own.
	Transport http.RoundTripper
}

// Subscription is something that a server tells of by itself. Make one with [Subscribe], and Close it.
type Subscription struct {
	cfg     SubscribeConfig
	secrets secrets
	conn    *websocket.Conn
	id      string // as it came
}

// subscribeID is the id of the one call of a connection.
const subscribeID = 1

// Subscribe connects and calls eth_subscribe with params. It fails with the cause of ctx, a [*StatusError] if the server
// answers the handshake by that, an [*Error] if it refuses the subscription, [ErrGarbage], [ErrTooLarge] or a network error. No
// redirect is followed.
func Subscribe(ctx context.Context, cfg SubscribeConfig, params ...any) (*Subscription, error) {
	cfg.Timeout, cfg.MaxMessage = cmp.Or(cfg.Timeout, 10*time.Second), cmp.Or(cfg.MaxMessage, 64<<10)
	u, err := url.Parse(cfg.URL)
	if err != nil || (u.Scheme != "ws" && u.Scheme != "wss") || u.Host == "" {
		return nil, errors.New("jsonrpc: URL: want ws:// or wss:// and a host")
	}
	s := &Subscription{cfg: cfg, secrets: secretsOf(u).with(cfg.Headers)}
	within, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	if err := s.connect(within); err != nil {
		return nil, s.fault(ctx, err)
	}
	if err := s.subscribe(within, params); err != nil {
		s.Close()
		return nil, s.fault(ctx, err)
	}
	return s, nil
}

func (s *Subscription) connect(ctx context.Context) error {
	transport := s.cfg.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} // HTTP/2 knows no upgrade
		own.ForceAttemptHTTP2 = false
		defer own.CloseIdleConnections() // the connection of a websocket is none of these
		transport = own
	}
	conn, resp, err := websocket.Dial(ctx, s.cfg.URL, &websocket.DialOptions{HTTPHeader: s.cfg.Headers, HTTPClient: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}})
	if err != nil && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		return &StatusError{Status: resp.StatusCode}
	}
	if err != nil {
		return err
	}
	conn.SetReadLimit(s.cfg.MaxMessage)
	s.conn = conn
	return nil
}

// subscribe calls eth_subscribe and waits for the answer.
func (s *Subscription) subscribe(ctx context.Context, params []any) error {
	body, err := json.Marshal(request{"2.0", subscribeID, "eth_subscribe", params})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if err := s.conn.Write(ctx, websocket.MessageText, body); err != nil {
		return err
	}
	for {
		m, err := s.read(ctx)
		switch {
		case err != nil:
			return err
		case m.Error != nil:
			m.Error.Message = s.secrets.clean(m.Error.Message)
			return m.Error
		case m.Method != "":
			continue
		case string(m.ID) != fmt.Sprint(subscribeID) || len(m.Result) == 0:
			return ErrGarbage
		}
		s.id = string(m.Result)
		return nil
	}
}

// message is an answer or a notification.
type message struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *Error          `json:"error"`
	Method string          `json:"method"`
	Params struct {
		Subscription json.RawMessage `json:"subscription"`
		Result       json.RawMessage `json:"result"`
	} `json:"params"`
}

func (s *Subscription) read(ctx context.Context) (message, error) {
	_, body, err := s.conn.Read(ctx)
	if err != nil {
		return message{}, err
	}
	var m message
	if json.Unmarshal(body, &m) != nil {
		return message{}, ErrGarbage
	}
	return m, nil
}

// Next blocks until the server tells something and returns that. Any error is the end of the subscription: the cause of ctx,
// [ErrGarbage], [ErrTooLarge] or one of the network. One goroutine may call it at a time.
func (s *Subscription) Next(ctx context.Context) (json.RawMessage, error) {
	for {
		m, err := s.read(ctx)
		if err != nil {
			return nil, s.fault(ctx, err)
		}
		if m.Method == "eth_subscription" && string(m.Params.Subscription) == s.id {
			return m.Params.Result, nil
		}
	}
}

// Ping blocks until the server has answered a ping, which it can only while Next is being called. An error is the end of the
// subscription.
func (s *Subscription) Ping(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if s.conn.Ping(within) == nil {
		return nil
	}
	return s.fault(ctx, net.ErrClosed) // whatever was the matter, it is of no more use
}

// Close hangs up without a word.
func (s *Subscription) Close() { _ = s.conn.CloseNow() }

// fault strips err of what is secret, and of what the websocket's package says about itself.
func (s *Subscription) fault(ctx context.Context, err error) error {
	var status *StatusError
	var refusal *Error
	var closed websocket.CloseError
	var ue *url.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &status), errors.As(err, &refusal), errors.Is(err, ErrGarbage):
		return err
	case errors.Is(err, websocket.ErrMessageTooBig):
		return ErrTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return &transportError{fmt.Sprintf("no answer within %v", s.cfg.Timeout), context.DeadlineExceeded}
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF):
		return &transportError{text: "the connection was lost"}
	case errors.As(err, &closed):
		return &transportError{text: s.secrets.clean(strings.TrimSpace(fmt.Sprintf("closed by the server: %d %s", closed.Code, closed.Reason)))}
	case errors.As(err, &ue):
		err = ue.Err
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner // of the layers around a network error, none says more
	}
	return &transportError{text: s.secrets.clean(err.Error())}
}
