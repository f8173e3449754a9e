package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trackerfleet/integration/process"
)

// ownSource is the module of a team that has a kind of source of its own.
const ownSource = "ownsource"

// inOwnSource runs the go command in that module, with what the module of the fleet has downloaded and nothing else.
func inOwnSource(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = ownSource
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s in %s: %v\n%s", strings.Join(args, " "), ownSource, err, out)
	}
}

// TestOwnSourceIsWhatTheReadmeShows: its code is in the README as it is, and is short.
func TestOwnSourceIsWhatTheReadmeShows(t *testing.T) {
	markdown, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := fences(string(markdown))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, b := range blocks {
		if path, ok := strings.CutPrefix(b.note, "integration/"+ownSource+"/"); ok {
			shown[path] = b.text
		}
	}
	for path, longest := range map[string]int{"table/table.go": 60, "main.go": 15} {
		text, err := os.ReadFile(filepath.Join(ownSource, path))
		if err != nil {
			t.Fatal(err)
		}
		if shown[path] != string(text) {
			t.Errorf("the README shows %s differently", path)
		}
		if n := bytes.Count(text, []byte("\n")); n > longest {
			t.Errorf("%s has %d lines, want at most %d", path, n, longest)
		}
	}
}

// TestOwnSourceIsAModuleThatKeepsTheHouse: it is tidy and passes its own tests, among them the conformance suite.
func TestOwnSourceIsAModuleThatKeepsTheHouse(t *testing.T) {
	takesAWhile(t)
	inOwnSource(t, "mod", "tidy", "-diff")
	inOwnSource(t, "vet", "./...")
	inOwnSource(t, "test", "-count=1", "./...")
	mine, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(filepath.Join(ownSource, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(theirs)) {
		if !strings.Contains(string(mine), line) {
			t.Errorf("%s needs what this module does not: %s", ownSource, line)
		}
	}
}

// book is the table of payments that others write.
type book struct {
	file  string
	lines map[string]string // status by id
}

// set writes the table anew, at once.
func (b *book) set(t *testing.T, id, status string) {
	t.Helper()
	b.lines[id] = status
	var text strings.Builder
	for id, status := range b.lines {
		fmt.Fprintf(&text, "%s,%s\n", id, status)
	}
	if err := os.WriteFile(b.file+".new", []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.file+".new", b.file); err != nil {
		t.Fatal(err)
	}
}

// TestOwnSourceFollowsATableToItsEnds: a worker of a team's binary follows what only that binary can, over a takeover and a table that
// cannot be read for a while, and has its settings checked and printed as those of any other kind.
func TestOwnSourceFollowsATableToItsEnds(t *testing.T) {
	takesAWhile(t)
	binary := filepath.Join(t.TempDir(), "ledger")
	inOwnSource(t, "build", "-o", binary, ".")
	b := &book{file: filepath.Join(t.TempDir(), "payments.csv"), lines: map[string]string{}}
	b.set(t, "pay_0", "started")
	f := newFleet(t)
	worker := func(name string) *process.Worker {
		config := f.workerConfig(name)
		config.Binary = binary
		config.YAML = "sources: {ledger: {kind: table, file: " + b.file + ", poll: 50ms}}\n"
		return process.StartWorker(t, config)
	}
	first := worker("w-1")
	ends := map[string]string{"paid": "confirmed", "refused": "failed", "cancelled": "stopped", "overdue": "expired", "forgotten": "dropped"}
	for status := range ends {
		if code, _, stderr := f.run(t, "start", status, "--source", "ledger"); code != 0 {
			t.Fatalf("start %s: exit code %d: %s", status, code, stderr)
		}
		b.set(t, status, "started")
		f.eventsUntil(t, status, "pending")
	}

	away := b.file + ".away"
	if err := os.Rename(b.file, away); err != nil {
		t.Fatal(err)
	}
	process.Await(t, patience, func() error { return said(first.Process, "source degraded", 1) })
	if err := os.Rename(away, b.file); err != nil {
		t.Fatal(err)
	}
	process.Await(t, patience, func() error { return said(first.Process, "source recovered", 1) })

	b.set(t, "paid", "paid")
	f.eventsUntil(t, "paid", "confirmed")
	first.Kill()
	for status := range ends {
		b.set(t, status, status)
	}
	worker("w-2")
	for status, end := range ends {
		if got := types(f.eventsUntil(t, status, end)); got != "started pending "+end {
			t.Errorf("%s: events %s", status, got)
		}
	}
	if code, _, stderr := f.run(t, "start", "odd", "--params", `{"row":"7"}`); code == 0 || !strings.Contains(stderr, "params.row") {
		t.Errorf("a start with a param that is none: exit code %d: %s", code, stderr)
	}
}

// TestOwnSourceIsConfiguredAsAnyOther: unknown keys, faults and defaults of a team's kind are told as those of the kinds built in.
func TestOwnSourceIsConfiguredAsAnyOther(t *testing.T) {
	takesAWhile(t)
	dir := t.TempDir()
	binary := filepath.Join(dir, "ledger")
	inOwnSource(t, "build", "-o", binary, ".")
	file := filepath.Join(dir, "tracker.yaml")
	if err := os.WriteFile(file, []byte("sources:\n  ledger:\n    kind: table\n    fil: payments.csv\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, env []string
		code      int
		says      []string
	}{
		{
			[]string{"config", "validate", "--config", file},
			nil, 2,
			[]string{"sources.ledger.fil: does not exist; nearest is file (" + file + ":4)", "sources.ledger.file: is missing"},
		},
		{
			[]string{"config", "print"},
			[]string{"TRACKER_SOURCES_LEDGER_KIND=table", "TRACKER_SOURCES_LEDGER_FILE=a.csv"},
			0,
			[]string{"kind: table", "file: a.csv # CSV file with lines id,status", "poll: 5s # time between two looks at a payment"},
		},
		{[]string{"config", "print", "--kinds"}, nil, 0, []string{"    table:", `file: "" # CSV`, "    ethereum:", "    http:", "    simulated:"}},
	} {
		cmd := exec.Command(binary, c.args...)
		cmd.Env = c.env
		out, _ := cmd.CombinedOutput()
		for _, want := range c.says {
			if !strings.Contains(string(out), want) || cmd.ProcessState.ExitCode() != c.code {
				t.Errorf("%q: exit code %d, no %q in\n%s", c.args, cmd.ProcessState.ExitCode(), want, out)
			}
		}
	}
}
