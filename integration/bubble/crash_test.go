package bubble

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

const (
	massCrash = 6000
	// A worker restarts so many trackers at once, and so many a second beyond.
	restartBurst = 5000
	restartRate  = 5000
	firstBackoff = 100 * time.Millisecond // the longest before a first restart
)

// spawnAll starts transactions that come to no end by themselves, many with each request.
func (c *client) spawnAll(ids []string) {
	c.t.Helper()
	for batch := range slices.Chunk(ids, 1000) {
		var items []string
		for _, id := range batch {
			items = append(items, c.body(id, "pending"))
			c.note(id, true)
		}
		c.ask("spawn", "", `{"items":[`+strings.Join(items, ",")+`]}`)
	}
}

// crash makes a tracker panic.
func (c *client) crash(id string) {
	for {
		switch a := c.ask("call", id, fmt.Sprintf(`{"transaction_id":%q,"op":"crash"}`, id)); a.Error.Code {
		case "crashed":
			return
		case "overloaded": // refused before anything happened
		default:
			c.t.Errorf("crash of %s: %+v", id, a)
			return
		}
	}
}

// TestACrashOfThousandsIsPaced has more trackers panic in one instant than a worker restarts at once: the others follow at the
// worker's rate, each restart is one event, and none is parked.
func TestACrashOfThousandsIsPaced(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s := &storm{site: on}
		s.joinAll(1)
		c := newClient(on)
		ids := make([]string, massCrash)
		for i := range ids {
			ids[i] = fmt.Sprint("t", i)
		}
		c.spawnAll(ids)
		time.Sleep(lease)
		begun := time.Now()
		var crashes sync.WaitGroup
		for half := range slices.Chunk(ids, massCrash/2) { // no more than a worker takes at one time
			for _, id := range half {
				crashes.Go(func() { c.crash(id) })
			}
			crashes.Wait()
		}
		if took := time.Since(begun); took > firstBackoff {
			t.Fatalf("void: the crashes took %v", took)
		}
		time.Sleep(lease)
		c.wantPaced(begun, ids)
		if p := s.here[0].Stats().Parked; p > 0 {
			t.Errorf("%d trackers were parked", p)
		}
		c.owners.Stop()
		s.end()
		return none
	})
}

// wantPaced wants one restart of each transaction, and no more of them in any time than the worker's rate allows.
func (c *client) wantPaced(begun time.Time, ids []string) {
	c.t.Helper()
	history, err := checker.Read(c.t.Context(), c.js, "TRACKER")
	if err != nil {
		c.t.Fatal(err)
	}
	restarts := make(map[string]int)
	var at []time.Duration
	for _, e := range history.Events {
		if e.Type == "restarted" {
			restarts[e.ID]++
			at = append(at, e.At.Sub(begun))
		}
	}
	for _, id := range ids {
		if restarts[id] != 1 {
			c.t.Errorf("%d restarts of %s after one crash", restarts[id], id)
		}
	}
	slices.Sort(at)
	for i := range at {
		if allowed := restartBurst + int(at[i].Seconds()*restartRate) + 1; i+1 > allowed {
			c.t.Fatalf("%d trackers run again after %v, %d may", i+1, at[i], allowed)
		}
	}
	c.t.Logf("%d crashes: running again p50 %v, p99 %v, last %v", len(at), at[len(at)/2], at[len(at)*99/100], at[len(at)-1])
	if last := at[len(at)-1]; last > firstBackoff+time.Second {
		c.t.Errorf("the last runs again after %v", last)
	}
}
