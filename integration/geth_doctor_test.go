package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trackerfleet/workers/ethereum/ethtest"
)

// TestGethDoctorNamesWhatIsWrong: of a real node that is configured well all is well, and each mistake is named in words.
func TestGethDoctorNamesWhatIsWrong(t *testing.T) {
	takesAWhile(t)
	geth := ethtest.StartSealingGeth(t)
	for range 3 {
		geth.Seal()
	}
	f := newFleet(t)
	for name, tt := range map[string]struct {
		chain, url, ws string
		code           int
		want, not      string
	}{
		"well":        {ethtest.Chain, geth.URL(), geth.WS(), 0, "its websocket answers", "FAULT"},
		"wrong chain": {"eip155:1", geth.URL(), geth.WS(), 1, "FAULT    " + geth.URL() + ": is of chain " + ethtest.Chain + ", not eip155:1", "ok  "},
		"wrong port":  {ethtest.Chain, "http://127.0.0.1:1/secretkey", "", 1, "FAULT    http://127.0.0.1:1: cannot be asked: ", "secretkey"},
		"wrong ws":    {ethtest.Chain, geth.URL(), "ws://127.0.0.1:1/secretkey", 0, "warning  " + geth.URL() + ": its websocket cannot be reached: ", "secretkey"},
	} {
		path := filepath.Join(t.TempDir(), "tracker.yaml")
		ws := ""
		if tt.ws != "" {
			ws = fmt.Sprintf(", ws: %q", tt.ws)
		}
		text := fmt.Sprintf("sources: {dev: {kind: ethereum, chain: %q, endpoints: [{url: %q%s}]}}\n", tt.chain, tt.url, ws)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := f.run(t, "doctor", "--config", path, "--source", "dev")
		if code != tt.code || !strings.Contains(stdout, tt.want) || strings.Contains(stdout+stderr, tt.not) {
			t.Errorf("%s: exit code %d, want %d, %q, and no %q:\n%s%s", name, code, tt.code, tt.want, tt.not, stdout, stderr)
		}
	}
}
