package process

import (
	"testing"
	"time"
)

// Await asks condition every few milliseconds until it returns nil, and fails the test with its last error after within. It is
// for conditions of other processes, which cannot be waited for otherwise.
func Await(t testing.TB, within time.Duration, condition func() error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %v", within, err)
		}
	}
}
