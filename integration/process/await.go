package process

import (
	"testing"
	"time"
)

// Await asks condition again and again until it returns nil, and fails the test with its last error after within. It is for what
// happens in other processes, which cannot be waited for otherwise. A condition that is slow to tell is asked less often.
func Await(t testing.TB, within time.Duration, condition func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		begin := time.Now()
		err := condition()
		if err == nil {
			return
		}
		pause := time.NewTimer(max(10*time.Millisecond, 2*time.Since(begin)))
		select {
		case <-pause.C:
		case <-deadline.C:
			pause.Stop()
			t.Fatalf("not within %s: %v", within, err)
		}
	}
}
