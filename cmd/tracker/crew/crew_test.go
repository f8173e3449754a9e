package crew

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asWorker makes the test binary be a worker; its value says of which kind.
const asWorker = "CREW_TEST_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(asWorker) {
	case "":
		goleak.VerifyTestMain(m)
	case "captain":
		captain()
	default:
		os.Exit(beWorker(os.Getenv(asWorker), os.Args[1]))
	}
}

// beWorker is a worker that, for the kinds other than obedient, does something wrong.
func beWorker(kind, name string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	if kind == "broken" && name == "w-2" {
		return 3
	}
	if kind == "mute" {
		fmt.Printf("not ready worker=%s", name)
	} else {
		fmt.Printf("warming up\nready worker=%s http=\n", name)
	}
	for range terminated {
		if kind != "stubborn" {
			return 0
		}
	}
	return 1
}

func configOf(kind string) Config {
	cfg := Config{
		Program: os.Args[0], Args: func(name string) []string { return []string{name} }, Environ: []string{asWorker + "=" + kind},
		StopTimeout: 20 * time.Second,
	}
	if kind == "stubborn" {
		cfg.StopTimeout = 300 * time.Millisecond
	}
	return cfg
}

// captain starts a crew, says so, and waits to be killed.
func captain() {
	cfg := configOf("stubborn")
	cfg.Stderr = os.Stderr
	if _, err := Start(context.Background(), cfg, "w-1", "w-2"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	select {}
}

func start(t *testing.T, kind string) *Crew {
	t.Helper()
	c, err := Start(t.Context(), configOf(kind), "w-1", "w-2", "w-3")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func TestKill_endsOneAndNobodyElse(t *testing.T) {
	c := start(t, "stubborn")
	if err := c.Kill("w-2"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"w-2", "w-9"} {
		if err := c.Kill(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	begun := time.Now()
	c.Stop()
	if took := time.Since(begun); took < 250*time.Millisecond || took > 20*time.Second {
		t.Errorf("stubborn workers were stopped in %v", took)
	}
	select {
	case err := <-c.Failed():
		t.Errorf("failed: %v", err)
	default:
	}
}

func TestAgain_startsWhoWasKilled(t *testing.T) {
	c := start(t, "obedient")
	before := c.workers["w-2"]
	if err := c.Again(t.Context(), "w-2"); !errors.Is(err, ErrRunning) {
		t.Errorf("started twice: %v", err)
	}
	if err := c.Kill("w-2"); err != nil || c.Said("w-2") != "" {
		t.Errorf("killed with %v, and says %q", err, c.Said("w-2"))
	}
	if err := c.Again(t.Context(), "w-2"); err != nil || c.Said("w-2") != "ready worker=w-2 http=" || c.workers["w-2"] == before {
		t.Errorf("started again with %v, and says %q", err, c.Said("w-2"))
	}
	c.Stop()
	if code := c.workers["w-2"].cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d", code)
	}
	select {
	case err := <-c.Failed():
		t.Errorf("failed: %v", err)
	default:
	}
}

func TestStop_letsWorkersLeave(t *testing.T) {
	c := start(t, "obedient")
	all := c.workers
	c.Stop()
	for name, w := range all {
		if code := w.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s: exit %d", name, code)
		}
	}
}

func TestFailed_tellsOfAWorkerThatEndsByItself(t *testing.T) {
	c := start(t, "obedient")
	if err := c.workers["w-2"].cmd.Process.Kill(); err != nil { // by somebody else
		t.Fatal(err)
	}
	if err := <-c.Failed(); !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "w-2") {
		t.Errorf("err = %v", err)
	}
	if err := c.Kill("w-2"); !errors.Is(err, ErrEnded) {
		t.Errorf("killed what had ended: %v", err)
	}
}

func TestStart_thatFailsLeavesNobody(t *testing.T) {
	if _, err := Start(t.Context(), configOf("broken"), "w-1", "w-2"); !errors.Is(err, ErrEnded) {
		t.Errorf("broken: %v", err)
	}
	missing := configOf("obedient")
	missing.Program = "/none/such"
	if _, err := Start(t.Context(), missing, "w-1"); !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "/none/such") {
		t.Errorf("missing: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, configOf("mute"), "w-1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("mute: %v", err)
	}
}

// TestWorkers_dieWithTheProcessThatRunsThem: the pipe ends when its last writer is gone.
func TestWorkers_dieWithTheProcessThatRunsThem(t *testing.T) {
	if attributes() == nil {
		t.Log("no death signal here: nothing is promised")
		return
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = []string{asWorker + "=captain"}, writer
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		t.Errorf("%q %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
	if err := reader.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(reader); err != nil {
		t.Errorf("workers outlive their captain: %v", err)
	}
}
