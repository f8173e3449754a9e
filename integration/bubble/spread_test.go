package bubble

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// spread runs seeds in several processes side by side, each with its share of them in a row, and returns what all of them have
// felt. A storm keeps one core busy, and bubbles cannot share a process: nats.go's timers are in a pool that all of it share.
func spread(t *testing.T, first, count, processes uint64) (all tally) {
	dir := memoryDir(t)
	var shares sync.WaitGroup
	tallies := make([]tally, processes)
	for i := range processes {
		begin, end := first+count*i/processes, first+count*(i+1)/processes
		if begin == end {
			continue
		}
		shares.Go(func() {
			out := filepath.Join(dir, fmt.Sprint(i))
			output, err := stormsApart(t, begin, end-begin, out)
			if err != nil {
				t.Errorf("seeds %d to %d: %v\n%s", begin, end-1, err, output)
				return
			}
			tallies[i] = pickUp(t, out)
		})
	}
	shares.Wait()
	for _, one := range tallies {
		all.add(one)
	}
	if got := uint64(all.Seeds); got != count {
		t.Errorf("%d of %d seeds ran to their end", got, count)
	}
	return all
}

// stormsApart runs seeds in a process of their own, for no longer than this one may take.
func stormsApart(t *testing.T, first, count uint64, out string) (output []byte, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	timeout := time.Duration(0) // none
	if deadline, ok := t.Deadline(); ok {
		timeout = time.Until(deadline) - 2*time.Second
	}
	return exec.CommandContext(t.Context(), self, "-test.run=^TestStormsOnAFleet$", "-test.timeout="+timeout.String(),
		fmt.Sprint("-fleet.first=", first), fmt.Sprint("-fleet.seeds=", count), "-fleet.tally="+out).CombinedOutput()
}

// leave writes what storms have felt to a file, for the process that has asked for them.
func leave(t *testing.T, file string, all tally) {
	body, err := json.Marshal(all)
	if err == nil {
		err = os.WriteFile(file, body, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

func pickUp(t *testing.T, file string) (all tally) {
	body, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(body, &all)
	}
	if err != nil {
		t.Error(err)
	}
	return all
}
