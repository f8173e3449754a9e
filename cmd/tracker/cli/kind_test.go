package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/workers/simulated"
)

// ledger is the settings of a kind that is not built in.
type ledger struct {
	Pace time.Duration `koanf:"pace" doc:"time between two rows"`
}

func TestKind_isThereInEveryVerb(t *testing.T) {
	kind := Kind("ledger", ledger{Pace: 3 * time.Second}, func(l ledger) (*simulated.Source, error) {
		return simulated.New(simulated.Config{BlockTime: l.Pace})
	})
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte("sources: {books: {kind: ledger, pace: 100us}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		says string
		code int
	}{
		{[]string{"config", "print", "--kinds"}, "kind: ledger # what kind of source it is\n        pace: 3s # time between two rows", exitOK},
		{[]string{"config", "validate", "--config", file}, "sources.books: simulated: invalid configuration: block_time: is 100µs", exitUsage},
		{[]string{"worker", "--config", file}, "block_time: is 100µs", exitUsage},
	} {
		var out bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &out, kinds: []config.Kind{kind}}
		if code := a.run(t.Context(), tc.args); code != tc.code || !strings.Contains(out.String(), tc.says) {
			t.Errorf("%q: exit %d, printed\n%s", tc.args, code, out.String())
		}
	}
}
