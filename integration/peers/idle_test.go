package peers

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// idlePeer is the environment variable with the name of the peer that this process is to measure.
const idlePeer = "PEERS_IDLE"

// TestMain runs the tests, or measures for one of them in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv(idlePeer) == "" {
		os.Exit(m.Run())
	}
	if err := json.NewEncoder(os.Stdout).Encode(idleMemory(os.Getenv(idlePeer))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// perChild is bytes per idle child.
type perChild struct {
	InUse    float64 // heap and stacks of the Go runtime
	Resident float64 // of the process
}

// measureElsewhere measures in a fresh process: goroutines that ended leave memory behind that the next ones would not count.
func measureElsewhere(b *testing.B, peer string) (m perChild) {
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), idlePeer+"="+peer)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v", peer, err)
	}
	if err := json.Unmarshal(out, &m); err != nil {
		b.Fatalf("%s: %v: %q", peer, err, out)
	}
	return m
}

func idleMemory(peer string) perChild {
	const n = 100_000
	all := ids(n)
	for _, p := range fleets {
		if p.name != peer {
			continue
		}
		f := p.make()
		f.start(nil, all[:1])
		inUse, resident := memory()
		f.start(nil, all[1:])
		inUseAfter, residentAfter := memory()
		runtime.KeepAlive(f)
		return perChild{float64(inUseAfter-inUse) / (n - 1), float64(residentAfter-resident) / (n - 1)}
	}
	panic("no peer " + peer)
}

// memory returns bytes in use by the Go runtime for heap and stacks, and by the process. The latter is 0 where there is no /proc.
func memory() (inUse, resident int64) {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what a first collection finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return int64(m.HeapInuse + m.StackInuse), 0
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		panic(err)
	}
	return int64(m.HeapInuse + m.StackInuse), pages * int64(os.Getpagesize())
}
