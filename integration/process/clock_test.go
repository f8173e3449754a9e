package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// probe is a program that says the date whenever it reads a line, and how long ago it read the first.
const probe = `package main

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	begin := time.Now()
	for lines.Scan() {
		now := time.Now()
		fmt.Println(now.UnixNano(), int64(now.Sub(begin)))
	}
}
`

// TestClockMovesTheDateAndNothingElse asks a program for the date while its clock jumps to and fro, and how much time it thinks has
// passed.
func TestClockMovesTheDateAndNothingElse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(probe), 0o600); err != nil {
		t.Fatal(err)
	}
	clock := NewClock(t)
	in, ask := io.Pipe()
	started := time.Now()
	p := StartWith(t, func(cmd *exec.Cmd) {
		clock.follow(cmd)
		cmd.Stdin = in
	}, build(t, program{name: "probe", pkg: file, movable: true}))
	t.Cleanup(func() { ask.Close() })
	for i, wrong := range []time.Duration{0, time.Hour, -time.Hour, time.Hour + time.Nanosecond, 0} {
		clock.Set(t, wrong)
		asked := time.Now()
		if _, err := io.WriteString(ask, "\n"); err != nil {
			t.Fatal(err)
		}
		n := 0
		line, err := p.Stdout(t.Context(), func(string) bool { n++; return n == i+1 })
		answered := time.Now()
		if err != nil {
			t.Fatal(err)
		}
		var date, passed int64
		if _, err := fmt.Sscan(line, &date, &passed); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if at := time.Unix(0, date).Add(-wrong); at.Before(asked.Round(0)) || at.After(answered.Round(0)) {
			t.Errorf("with a clock wrong by %s the date is %s, between %s and %s", wrong, time.Unix(0, date), asked, answered)
		}
		if d := time.Duration(passed); d < 0 || d > answered.Sub(started) {
			t.Errorf("with a clock wrong by %s the program thinks that it runs for %s, and it is %s at most", wrong, d, answered.Sub(started))
		}
	}
}

// TestMovableClockRefusesAnotherPackageTime: a release of Go that reads the date in another way must not pass as one whose clock moves.
func TestMovableClockRefusesAnotherPackageTime(t *testing.T) {
	for _, source := range []string{"package time\n", nowReads + nowReads} {
		if _, err := patch(source); err == nil {
			t.Errorf("%q is patched", source)
		}
	}
}
