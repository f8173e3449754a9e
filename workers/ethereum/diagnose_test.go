package ethereum_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// diagnosed returns what a source that does not run finds of endpoints, one finding a line. No secret is in it.
func diagnosed(t *testing.T, limit time.Duration, endpoints ...ethereum.Endpoint) string {
	t.Helper()
	src, err := ethereum.New(ethereum.Config{Chain: ethtest.Chain, Endpoints: endpoints, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var lines strings.Builder
	for _, f := range src.Diagnose(ctx) {
		if all := fmt.Sprint(f); strings.Contains(all, "secretkey") || strings.Contains(all, "\n") {
			t.Errorf("tells a secret, or more than a line: %s", all)
		}
		fmt.Fprintf(&lines, "%s: %s\n", f.Severity, f.Message)
	}
	return lines.String()
}

func TestDiagnoseSaysWhatIsWrongWithANode(t *testing.T) {
	t.Parallel()
	const offers = "warning: names no safe head: 32 blocks below the latest one stand in if no other endpoint does\n" +
		"warning: names no finalized head: 64 blocks below the latest one stand in if no other endpoint does\n"
	for _, tt := range []struct {
		name   string
		faults ethtest.Faults
		want   []string
	}{
		{"well", ethtest.Faults{}, []string{"ok: answers after ", "warning: its latest block 4 is "}},
		{"another chain", ethtest.Faults{ChainID: 5}, []string{"fault: is of chain eip155:5, not " + ethtest.Chain}},
		{"no tags", ethtest.Faults{NoTags: true}, []string{offers}},
		{"tags unknown", ethtest.Faults{RefuseTags: true}, []string{offers}},
		{"no block receipts", ethtest.Faults{NoBlockRcpt: true}, []string{"warning: does not give all receipts of a block"}},
		{"garbage", ethtest.Faults{Garbage: true}, []string{"fault: cannot be asked: jsonrpc: answer is not JSON-RPC"}},
		{"paced", ethtest.Faults{HTTP429: true}, []string{"fault: cannot be asked: jsonrpc: told to slow down"}},
		{"unavailable", ethtest.Faults{Unavailable: true}, []string{"fault: cannot be asked: jsonrpc: "}},
		{"silent", ethtest.Faults{Hang: true}, []string{"fault: gives no answer in the time that there was"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			node := ethtest.NewServer(t)
			for range 3 {
				node.Mine()
			}
			node.SetTags(2, 1)
			node.Misbehave(tt.faults)
			limit := 10 * time.Second
			if tt.faults.Hang {
				limit = 50 * time.Millisecond
			}
			got := diagnosed(t, limit, ethereum.Endpoint{URL: node.URL() + "/secretkey"})
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			if faulty := strings.Contains(got, "fault: "); faulty != strings.HasPrefix(tt.want[0], "fault: ") {
				t.Errorf("found\n%s", got)
			}
		})
	}
}

func TestDiagnoseComparesEndpoints(t *testing.T) {
	t.Parallel()
	node := ethtest.NewServer(t)
	for range 9 {
		node.Mine()
	}
	late := node.Peer(t)
	late.Misbehave(ethtest.Faults{Lag: 7})
	behind := httptest.NewServer(late)
	defer behind.Close()
	got := diagnosed(t, 10*time.Second, ethereum.Endpoint{URL: node.URL()}, ethereum.Endpoint{URL: behind.URL},
		ethereum.Endpoint{URL: "http://127.0.0.1:1/secretkey"})
	for _, want := range []string{"warning: is 7 blocks behind another endpoint\n", "connection refused\n"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, got)
		}
	}
}

func TestDiagnoseTriesTheWebsocket(t *testing.T) {
	t.Parallel()
	node := ethtest.NewServer(t)
	for _, tt := range []struct {
		ws     string
		faults ethtest.BellFaults
		want   string
	}{
		{node.WS() + "/secretkey", ethtest.BellFaults{}, "ok: its websocket answers, and takes a subscription to new blocks\n"},
		{node.WS() + "/secretkey", ethtest.BellFaults{Status: http.StatusForbidden}, "warning: its websocket is none: it answers 403 Forbidden\n"},
		{node.WS() + "/secretkey", ethtest.BellFaults{Refuse: true}, "warning: its websocket does not tell of new blocks: "},
		{"ws://127.0.0.1:1/secretkey", ethtest.BellFaults{}, "warning: its websocket cannot be reached: "},
	} {
		node.Misbehave(ethtest.Faults{Bell: tt.faults})
		if got := diagnosed(t, 10*time.Second, ethereum.Endpoint{URL: node.URL(), WS: tt.ws}); !strings.Contains(got, tt.want) {
			t.Errorf("no %q in\n%s", tt.want, got)
		}
	}
}

func TestDiagnoseLeavesAloneWhatRuns(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w := r.watch(r.node.NewTx(false), source.Hint{})
		r.polls(1)
		w.want(source.Absent)
		before := r.src.Health()
		if found := r.src.Diagnose(r.Context()); len(found) < 2 {
			r.Errorf("found %+v", found)
		}
		if after := r.src.Health(); after.Degraded || after.Head != before.Head || fmt.Sprint(after.Calls) != fmt.Sprint(before.Calls) {
			r.Errorf("health was %+v and is %+v", before, after)
		}
	})
}
