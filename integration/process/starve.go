package process

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cpuGroups is where the kernel keeps the groups that share out processor time (cgroup v1).
const cpuGroups = "/sys/fs/cgroup/cpu"

// starvePeriod is what the kernel counts a process's share of. Longer ones, within what it takes, make longer stalls.
const starvePeriod = 100 * time.Millisecond

// Starved is a process that gets little processor time.
type Starved struct {
	group string
	home  string // the group that it came from
	pid   int
	fed   bool
}

// Starve leaves a process so many hundredths of one processor from now on: within each tenth of a second it runs for so many milliseconds,
// over all threads, and stands still for the rest. It needs root's rights and the cpu controller of cgroup v1.
func Starve(t testing.TB, p *Process, percent int) *Starved {
	t.Helper()
	needs(t)
	home, err := cpuGroupOf(p.PID())
	if err != nil {
		lacks(t, "the cpu controller of cgroup v1 is needed: %v", err)
	}
	s := &Starved{group: filepath.Join(cpuGroups, fmt.Sprintf("trackerfleet-%d-%d", p.PID(), rand.Uint32())), home: home, pid: p.PID()}
	if err := os.Mkdir(s.group, 0o755); err != nil {
		lacks(t, "the cpu controller of cgroup v1 is needed: %v", err)
	}
	t.Cleanup(func() { s.Feed(t) })
	quota := starvePeriod * time.Duration(percent) / 100
	s.write(t, filepath.Join(s.group, "cpu.cfs_period_us"), starvePeriod.Microseconds())
	s.write(t, filepath.Join(s.group, "cpu.cfs_quota_us"), quota.Microseconds())
	s.write(t, filepath.Join(s.group, "cgroup.procs"), int64(s.pid))
	return s
}

// Feed gives the process all that it wants again.
func (s *Starved) Feed(t testing.TB) {
	t.Helper()
	if s.fed {
		return
	}
	s.fed = true
	procs, err := os.ReadFile(filepath.Join(s.group, "cgroup.procs"))
	if err != nil {
		t.Fatalf("process: %v", err)
	}
	for pid := range strings.FieldsSeq(string(procs)) { // its children too, and not itself if it has ended
		n, err := strconv.ParseInt(pid, 10, 64)
		if err != nil {
			t.Fatalf("process: %v", err)
		}
		s.write(t, filepath.Join(s.home, "cgroup.procs"), n)
	}
	if err := os.Remove(s.group); err != nil {
		t.Errorf("process: %v", err)
	}
}

// Stalls returns in how many of the periods the process had to stand still so far.
func (s *Starved) Stalls(t testing.TB) int {
	t.Helper()
	f, err := os.Open(filepath.Join(s.group, "cpu.stat"))
	if err != nil {
		t.Fatalf("process: %v", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var n int
		if _, err := fmt.Sscanf(lines.Text(), "nr_throttled %d", &n); err == nil {
			return n
		}
	}
	t.Fatal("process: cpu.stat does not tell of stalls")
	return 0
}

func (s *Starved) write(t testing.TB, file string, n int64) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strconv.FormatInt(n, 10)), 0o600); err != nil {
		t.Fatalf("process: %v", err)
	}
}

// cpuGroupOf returns the directory of the group that a process shares processor time in.
func cpuGroupOf(pid int) (string, error) {
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(groups)) { // 4:cpu,cpuacct:/a/b
		field := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(field) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(field[1], ",") {
			if controller == "cpu" {
				return filepath.Join(cpuGroups, field[2]), nil
			}
		}
	}
	return "", fmt.Errorf("process %d is in no group of it", pid)
}
