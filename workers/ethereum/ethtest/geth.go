package ethtest

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"
)

// accounts is how many transactions a Geth can make up: each has an account of its own, so that any can be mined without the
// others.
const accounts = 300

// startLimit and stopLimit are how long geth may take to start and to stop.
const startLimit, stopLimit = time.Minute, 15 * time.Second

// Geth is a real node in dev mode, whose blocks are made only when asked for.
type Geth struct {
	t        testing.TB
	url, ws  string
	client   *http.Client
	accounts []*account // funded, not used yet
	seals    uint64     // blocks that were sealed by Seal
	sealed   string     // the last one's hash

	mu     sync.Mutex
	nextID int
}

// StartGeth starts geth on loopback with funded accounts. Its safe and finalized heads stay where they are. It ends with the test.
// Without a geth the test is skipped, or fails where CI=true.
func StartGeth(t testing.TB) *Geth {
	t.Helper()
	return startGeth(t, "1000000")
}

// StartSealingGeth is StartGeth with a node whose safe and finalized heads move when it seals a block: by [Geth.Seal], or as soon
// as its pool holds a transaction that can be in one. Until then they are the genesis block.
func StartSealingGeth(t testing.TB) *Geth {
	t.Helper()
	return startGeth(t, "0")
}

// startGeth starts geth with a period of that many seconds in which it seals a block by itself; "0": it does for every transaction.
func startGeth(t testing.TB, period string) *Geth {
	t.Helper()
	g := &Geth{t: t, client: &http.Client{Timeout: startLimit, Transport: &http.Transport{}}}
	g.start(findGeth(t), period)
	t.Cleanup(g.client.CloseIdleConnections)
	g.fund()
	return g
}

// URL is the node's address for JSON-RPC over HTTP.
func (g *Geth) URL() string { return g.url }

// WS is the node's websocket address.
func (g *Geth) WS() string { return g.ws }

var (
	httpStarted = regexp.MustCompile(`HTTP server started\s+endpoint=(\S+)`)
	wsStarted   = regexp.MustCompile(`WebSocket enabled\s+url=(\S+)`)
)

// start runs geth and reads the addresses from its log.
func (g *Geth) start(path, period string) {
	g.t.Helper()
	cmd := exec.Command(path, "--dev", "--dev.period", period, "--datadir", g.t.TempDir(), "--ipcdisable", "--nodiscover",
		"--maxpeers", "0", "--port", "0", "--authrpc.port", "0", "--cache", "64", "--txpool.nolocals",
		"--http", "--http.port", "0", "--http.api", "eth,debug,txpool,testing,miner,dev", "--ws", "--ws.port", "0", "--ws.api", "eth")
	log, err := cmd.StderrPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		g.readLog(log, ready)
	}()
	g.t.Cleanup(func() {
		kill := time.AfterFunc(stopLimit, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
		_ = cmd.Wait() // ended by our signal: its status says nothing
	})
	select {
	case <-ready:
	case <-ended:
		g.t.Fatal("geth ended right after its start")
	case <-time.After(startLimit):
		g.t.Fatalf("geth did not say within %v where it listens", startLimit)
	}
}

// readLog reads geth's log to its end and closes ready once both addresses are known.
func (g *Geth) readLog(log io.Reader, ready chan<- struct{}) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if g.url != "" && g.ws != "" {
			continue
		}
		if m := httpStarted.FindStringSubmatch(lines.Text()); m != nil {
			g.url = "http://" + m[1]
		}
		if m := wsStarted.FindStringSubmatch(lines.Text()); m != nil {
			g.ws = m[1]
		}
		if g.url != "" && g.ws != "" {
			close(ready)
		}
	}
}
