package simulated

import (
	"testing"
	"unsafe"
)

// TestWatchIsSmall: a worker holds a million, and memory comes in sizes.
func TestWatchIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(watch{}); got > 96 {
		t.Errorf("a watch takes %d bytes, want at most 96", got)
	}
}
