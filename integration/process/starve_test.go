package process

import (
	"errors"
	"os"
	"testing"
)

// TestStarvedProcessStandsStillUntilItIsFed starves a program that wants all the time there is.
func TestStarvedProcessStandsStillUntilItIsFed(t *testing.T) {
	p := Start(t, "/bin/bash", "-c", "while :; do :; done")
	s := Starve(t, p, 10)
	Await(t, patience, func() error {
		if s.Stalls(t) == 0 {
			return errors.New("it has not stood still")
		}
		return nil
	})
	s.Feed(t)
	if _, err := os.Stat(s.group); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its group is still there: %v", err)
	}
	if home, err := cpuGroupOf(p.PID()); err != nil || home != s.home {
		t.Errorf("it is in the group %q, %v, and came from %q", home, err, s.home)
	}
}
