//go:build !linux

package process

import "testing"

// SmallDisk leaves the test out: only on Linux a small disk is at hand.
func SmallDisk(t testing.TB, _ string) (fill func() (empty func())) {
	t.Helper()
	t.Skip("left out, as a small disk can be mounted on Linux only: what a full one does to the fleet")
	return nil
}
