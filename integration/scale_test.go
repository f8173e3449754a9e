package integration

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// scaling is a fleet whose size changes, and the log of its owners.
type scaling struct {
	*fleet
	log    *checker.ClaimLog
	owners map[int]string // by partition
	read   int            // of the log
	names  int
	all    []*process.Worker // every one there was
}

// config is that of workers with the default lease: many of them on few cores beat late, which is not the question here.
func (s *scaling) config() process.WorkerConfig {
	s.names++
	config := s.workerConfig(fmt.Sprint("w-", s.names))
	config.Lease = ""
	return config
}

// starved counts how often a worker was so late that it froze or that others took what it had. Then partitions move that need not.
func (s *scaling) starved() (n int) {
	for _, w := range s.all {
		n += w.Said("own heartbeat is not heard") + w.Said("other workers own partitions")
	}
	return n
}

// to makes the fleet have n workers, all at once, and returns what moved until they share everything, and the least that had to.
func (s *scaling) to(t *testing.T, n int) (m checker.Moves, least int) {
	t.Helper()
	first := len(s.workers)
	for len(s.workers) < n {
		w := process.LaunchWorker(t, s.config())
		s.workers, s.all = append(s.workers, w), append(s.all, w)
	}
	leaving := slices.Clone(s.workers[n:])
	for _, w := range leaving {
		w.Signal(t, syscall.SIGTERM)
	}
	s.workers = s.workers[:n]
	for _, w := range s.workers[min(first, n):] {
		w.AwaitReady(t)
	}
	for _, w := range leaving {
		if code, err := w.Wait(t.Context()); code != 0 || err != nil {
			t.Errorf("%s left with code %d: %v", w.Name, code, err)
		}
	}
	process.Await(t, 2*patience, func() error { return s.shared(t, s.workers...) })
	s.awaitLogged(t)
	var names []string
	for _, w := range s.workers {
		names = append(names, w.Name)
	}
	least = checker.LeastMoves(s.owners, names)
	return s.follow(), least
}

// follow reads on in the log.
func (s *scaling) follow() checker.Moves {
	claims := s.log.Claims()
	m := checker.Follow(s.owners, claims[s.read:])
	s.read = len(claims)
	return m
}

// awaitLogged waits until the log has told of the owners that the fleet knows.
func (s *scaling) awaitLogged(t *testing.T) {
	t.Helper()
	process.Await(t, patience, func() error {
		v, err := s.look()
		if err != nil {
			return err
		}
		owners := maps.Clone(s.owners)
		checker.Follow(owners, s.log.Claims()[s.read:])
		for _, p := range v.Partitions {
			if owners[p.Partition] != p.Worker {
				return errors.New("the log is behind")
			}
		}
		return nil
	})
}

// TestQuickScalingMovesNoMoreThanItMust changes the size of a fleet under load: all that come start at once, and all that go
// get their SIGTERM at once. Everybody has its share afterwards, and no partition went further than to where it stays.
func TestQuickScalingMovesNoMoreThanItMust(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := &scaling{fleet: newFleet(t), owners: make(map[int]string)}
	l := newLoad(s.client, "scale")
	s.to1(t)
	l.owners = s.log
	stop := l.spawnLasting(t, 60)
	joins, leaves, moved := 0, 0, 0
	l.pour(t, 50*time.Millisecond, func() {
		for _, n := range []int{5, 2, 16, 1} {
			began, size, starved := time.Now(), len(s.workers), s.starved()
			m, least := s.to(t, n)
			t.Logf("%2d to %2d workers: %3d partitions moved, %3d had to, %d more than once, %s",
				size, n, m.Total, least, len(m.Twice), time.Since(began).Round(100*time.Millisecond))
			if starved = s.starved() - starved; starved > 0 {
				t.Logf("workers were starved %d times, so that the moves say nothing", starved)
			} else if m.Total > least+max(n, size) || len(m.Twice) > 0 {
				t.Errorf("%d to %d workers: %d partitions moved, %d had to; more than once: %v", size, n, m.Total, least, m.Twice)
			}
			if n > size {
				joins, moved = joins+n-size, moved+m.Total
			} else {
				leaves += size - n
			}
			l.awaitMore(t, 20)
		}
	})
	t.Logf("%d joins moved %.1f partitions each", joins, float64(moved)/float64(joins))
	stop()
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "join": joins, "leave": leaves}))
	if lines := loud(s.all...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

// to1 starts the first worker and the log of owners.
func (s *scaling) to1(t *testing.T) {
	t.Helper()
	w := process.StartWorker(t, s.config())
	s.workers, s.all = []*process.Worker{w}, []*process.Worker{w}
	var err error
	if s.log, err = checker.WatchClaims(t.Context(), s.js, "TRACKER"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.log.Stop)
	s.awaitLogged(t)
	s.follow()
}
