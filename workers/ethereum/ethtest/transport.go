package ethtest

import (
	"errors"
	"net/http"
	"net/http/httptest"
)

// Transport carries requests to the node and handshakes to its websocket without a network, so that they work in a testing/synctest bubble.
func (s *Server) Transport() http.RoundTripper { return direct{s} }

type direct struct{ s *Server }

// errDropped is a connection that ended early.
var errDropped = errors.New("ethtest: connection reset")

// RoundTrip answers by the node's handler.
func (d direct) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if r.Header.Get("Upgrade") != "" {
		return d.pipe(r)
	}
	defer func() {
		if recover() != nil {
			resp, err = nil, errDropped
		}
	}()
	recorder := httptest.NewRecorder()
	d.s.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}
