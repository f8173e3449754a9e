package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

const serverDirEnv, serverPortEnv = "TRACKER_TEST_SERVER_DIR", "TRACKER_TEST_SERVER_PORT"

// TestServerProcess is no test: it is the server that the tests below kill.
func TestServerProcess(t *testing.T) {
	dir := os.Getenv(serverDirEnv)
	if dir == "" {
		return
	}
	var port int
	if _, err := fmt.Sscan(os.Getenv(serverPortEnv), &port); err != nil {
		t.Fatal(err)
	}
	srv := startServer(t, embedded.Config{Dir: dir, Port: port})
	fmt.Println("ready", srv.URL())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
}

// serverProcess starts a server in a process of its own and returns its URL.
func serverProcess(t *testing.T, dir string, port string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerProcess$", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), serverDirEnv+"="+dir, serverPortEnv+"="+port)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			return cmd, url
		}
	}
	_ = cmd.Wait()
	t.Fatal("the server process did not get ready")
	return nil, ""
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
}

func TestJournalLosesNothingWhenTheServerIsKilled(t *testing.T) {
	dir := t.TempDir()
	cmd, url := serverProcess(t, dir, "0")
	t.Cleanup(func() { kill(t, cmd) })
	port := url[strings.LastIndexByte(url, ':')+1:]
	nc := connect(t, bus.ConnectConfig{URLs: []string{url}})
	createAssets(t, nc)
	owners := claim(t, nc, "w-1")
	j := runJournal(t, nc, bus.JournalConfig{AckTimeout: 500 * time.Millisecond})
	chains := newChains(t, 200)
	const steps = 12
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		drive(t.Context(), j, owners, chains, steps)
	}()
	for range 3 {
		before := j.Stats().Written
		await(t, func() bool { return j.Stats().Written > before+150 })
		kill(t, cmd)
		cmd, _ = serverProcess(t, dir, port)
	}
	<-ended
	requireSteps(t, chains, steps)
	checkChains(t, bus.NewRecords(nc), chains)
	if s := j.Stats(); s.Retries == 0 || s.Conflicts != 0 || s.Fenced != 0 {
		t.Errorf("got %+v, want retries and nothing refused", s)
	}
}

// await polls for what another process brings about.
func await(t *testing.T, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	for !cond() {
		if pause(ctx, 5*time.Millisecond); ctx.Err() != nil {
			t.Fatal("did not happen in time")
		}
	}
}
