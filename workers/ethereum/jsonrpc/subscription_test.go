package jsonrpc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// A server that repeats whatever it was sent gets none of it into an error.
func TestSubscriptionTellsNoSecret(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(ctx context.Context, c *websocket.Conn, said string){
		"refused": func(ctx context.Context, c *websocket.Conn, said string) {
			_ = c.Write(ctx, websocket.MessageText, []byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"not for `+said+`"}}`))
		},
		"closed": func(_ context.Context, c *websocket.Conn, said string) {
			_ = c.Close(websocket.StatusPolicyViolation, "not for "+said)
		},
		"garbage": func(ctx context.Context, c *websocket.Conn, said string) {
			_ = c.Write(ctx, websocket.MessageText, []byte("<html>"+said))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				_, _, _ = c.Read(r.Context())
				serve(r.Context(), c, r.URL.String()+" "+r.Header.Get("Authorization"))
				_ = c.CloseNow()
			}))
			defer server.Close()
			_, err := jsonrpc.Subscribe(t.Context(), jsonrpc.SubscribeConfig{
				URL:     "ws" + strings.TrimPrefix(server.URL, "http") + "/v3/secretkey?apikey=qwertyuiop",
				Headers: http.Header{"Authorization": {"Bearer hunter22"}},
			}, "newHeads")
			if err == nil {
				t.Fatal("subscribed")
			}
			for _, secret := range []string{"secretkey", "qwertyuiop", "hunter22"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is in %q", secret, err)
				}
			}
		})
	}
}

func TestSubscribeTakesNoOtherAddress(t *testing.T) {
	for _, address := range []string{"", "http://h", "ws://", "secretkey://h"} {
		if _, err := jsonrpc.Subscribe(t.Context(), jsonrpc.SubscribeConfig{URL: address}); err == nil || strings.Contains(err.Error(), "secretkey") {
			t.Errorf("%q: %v", address, err)
		}
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := jsonrpc.Subscribe(ctx, jsonrpc.SubscribeConfig{URL: "ws://127.0.0.1:1"}); !errors.Is(err, gone) {
		t.Errorf("%v, want the cause of the context", err)
	}
}
