package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// previous is the commit that stands for the version before this one: whoever runs it must be able to roll to this tree and back.
const previous = "98830512a39398326b3987b37a348232f230291b"

// PreviousTracker returns the path of the tracker binary of the version before, built from the history of the repository. Where
// there is no history the test is skipped; in CI, which has it, it fails.
func PreviousTracker(t testing.TB) string {
	t.Helper()
	if _, err := history(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("process: the version before this one cannot be built: %v", err)
		}
		t.Skipf("left out what needs the version before this one: %v", err)
	}
	return build(t, program{name: "tracker-previous", pkg: "./cmd/tracker", flags: raceFlag, before: true})
}

// history returns the root of a repository that has the previous version.
func history() (root string, err error) {
	root, err = said("git", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", err
	}
	_, err = said("git", "rev-parse", "--verify", "--quiet", previous+"^{commit}")
	return root, err
}

// said runs a program and returns the line that it writes.
func said(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// intoPrevious takes the tree of the previous version out of the repository, into a folder below dir, and has a build run there, with
// what modules are in the cache already.
func intoPrevious(build *exec.Cmd, dir string) error {
	root, err := history()
	if err != nil {
		return fmt.Errorf("process: %w", err)
	}
	tree, archive := filepath.Join(dir, "previous"), filepath.Join(dir, "previous.tar")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return fmt.Errorf("process: %w", err)
	}
	for _, step := range [][]string{
		{"git", "-C", root, "archive", "--format=tar", "--output", archive, previous},
		{"tar", "-x", "-f", archive, "-C", tree},
	} {
		if _, err := said(step[0], step[1:]...); err != nil {
			return fmt.Errorf("process: %w", err)
		}
	}
	build.Dir = tree
	build.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	return nil
}
