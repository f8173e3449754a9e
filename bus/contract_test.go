package bus_test

import (
	"strings"
	"testing"
	"time"
)

// poll returns once ok holds and fails the test if it does not within testTimeout.
func poll(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	ctx := within(t, testTimeout)
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("condition did not come true")
		}
	}
}

func longText(n int) string { return strings.Repeat("x", n) }
