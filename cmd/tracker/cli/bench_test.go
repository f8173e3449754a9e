package cli

import (
	"encoding/json"
	"testing"

	"trackerfleet/cmd/tracker/bench/soak"
)

// TestSoak_keepsEveryPromise leaves out whether anything grew: nothing has had the time.
func TestSoak_keepsEveryPromise(t *testing.T) {
	got := do(t, "bench", "soak", "--trackers", "200", "--for", "4s", "--churn", "20", "--crashes", "10", "--lookups", "100",
		"--retention", "1s", "--block-time", "100ms", "--sample", "200ms", "-o", "json")
	var r soak.Result
	if err := json.Unmarshal([]byte(got.out), &r); err != nil {
		t.Fatalf("%v %+v", err, got)
	}
	for _, p := range r.Promises {
		if !p.Held && p.Name != "churn was kept up" { // which is up to the machine
			t.Errorf("%+v %q", p, r.Faults)
		}
	}
	if len(r.Promises) != 8 || len(r.Figures) != 13 || len(r.Series) < 10 || r.Started < 200 || r.Confirmed == 0 || r.Stopped == 0 ||
		r.Confirmed+r.Stopped != r.Started || r.Restarted == 0 || r.Lookups == 0 {
		t.Errorf("got %+v", r)
	}
	if (got.code == 0) != r.Held {
		t.Errorf("exit %d when held is %v", got.code, r.Held)
	}
	for _, v := range r.Series {
		if v.WorkerRSS == 0 || v.ServerRSS == 0 || v.RecordMessages == 0 || v.DiskBytes == 0 {
			t.Errorf("sample %+v", v)
		}
	}
	if got := do(t, "bench", "soak", "--for", "1s"); got.code != exitUsage {
		t.Errorf("%+v", got)
	}
}
