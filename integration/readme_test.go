package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// TestReadmeWorksAsItIsWritten does what README.md says, block by block and in order, as a user would, in a copy of the
// repository that nothing is left of afterwards. The first words of a fence say what a block is:
//
//	sh             run by bash in the first terminal; must succeed. Blocks share the folder, not shell variables
//	sh background  run in a terminal of its own, to the end of the test; goes on once a line begins with "ready"
//	sh geth        as sh, where a geth is found; must be found where CI=true
//	text           right after a block of sh: what it prints. Lines in order, others may stand between; … is any text
//	json           must be JSON
//	LANGUAGE FILE  is saved as FILE before the next block
//
// Blocks of other languages are read only. A fence without a language is an error.
func TestReadmeWorksAsItIsWritten(t *testing.T) {
	takesAWhile(t)
	markdown, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := fences(string(markdown))
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	r := newReader(t, copyOfRepository(t))
	ran := 0
	for _, b := range blocks {
		ran += r.follow(t, b)
	}
	if ran < 3 {
		t.Errorf("%d blocks were run: the README shows too little", ran)
	}
}

// block is one fenced block.
type block struct {
	line           int // of its first line of text
	language, note string
	text           string
	follows        bool // nothing but blank lines since the fence before
}

// fences returns the fenced blocks of a markdown text.
func fences(markdown string) ([]block, error) {
	var blocks []block
	var open *block
	bare := false
	line := 0
	for text := range strings.Lines(markdown) {
		line++
		info, fence := strings.CutPrefix(strings.TrimSpace(text), "```")
		switch {
		case fence && open != nil:
			blocks = append(blocks, *open)
			open, bare = nil, true
		case fence:
			language, note, _ := strings.Cut(strings.TrimSpace(info), " ")
			if language == "" {
				return nil, fmt.Errorf("line %d: a fence without a language", line)
			}
			open = &block{line: line + 1, language: language, note: strings.TrimSpace(note), follows: bare}
		case open != nil:
			open.text += text
		case strings.TrimSpace(text) != "":
			bare = false
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: a fence that is never closed", open.line)
	}
	return blocks, nil
}

// reader follows a text, one block after the other.
type reader struct {
	dir     string
	env     []string
	printed func(ctx context.Context, text string) error // by the last sh block
}

func newReader(t *testing.T, dir string) *reader {
	t.Helper()
	tools, err := filepath.Abs("../.cache/bin")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir() // where go install puts things
	path := strings.Join([]string{bin, filepath.Dir(process.Tracker(t)), tools, os.Getenv("PATH")}, ":")
	return &reader{dir: dir, env: []string{"PATH=" + path, "GOBIN=" + bin, "XDG_CONFIG_HOME=" + dir, "NO_COLOR=1"}}
}

// follow does what one block asks for and returns how many blocks it ran.
func (r *reader) follow(t *testing.T, b block) (ran int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	switch {
	case b.language == "sh" && b.note == "geth" && !hasGeth(t):
	case b.language == "sh":
		r.run(ctx, t, b)
		return 1
	case b.language == "text" && b.follows && r.printed != nil:
		if err := r.printed(ctx, b.text); err != nil {
			t.Errorf("README.md:%d: %v", b.line, err)
		}
	case b.language == "json":
		if !json.Valid([]byte(b.text)) {
			t.Errorf("README.md:%d: not JSON", b.line)
		}
	case b.note != "":
		if err := os.WriteFile(filepath.Join(r.dir, b.note), []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return 0
}

func (r *reader) run(ctx context.Context, t *testing.T, b block) {
	t.Helper()
	begin := time.Now()
	p := process.StartWith(t, func(cmd *exec.Cmd) {
		cmd.Dir = r.dir
		cmd.Env = append(cmd.Env, r.env...)
	}, "bash", "-euo", "pipefail", "-c", b.text)
	r.printed = func(ctx context.Context, text string) error {
		return p.Expect(ctx, strings.Split(strings.TrimSpace(text), "\n"))
	}
	if b.note == "background" {
		if err := p.Expect(ctx, []string{"ready…"}); err != nil {
			t.Fatalf("README.md:%d: %v", b.line, err)
		}
		return
	}
	code, err := p.Wait(ctx)
	if err != nil || code != 0 {
		t.Fatalf("README.md:%d: exit code %d, %v\n%s", b.line, code, err, b.text)
	}
	t.Logf("README.md:%d: %s", b.line, time.Since(begin).Round(time.Millisecond))
}

// hasGeth reports whether there is a geth to run, where .ci/run puts it. Where CI=true there must be one.
func hasGeth(t *testing.T) bool {
	t.Helper()
	_, err := os.Stat("../.cache/bin/geth")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	return err == nil
}

// copyOfRepository returns a folder with what a clone would have.
func copyOfRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(strings.TrimPrefix(path, ".."), string(filepath.Separator))
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(name, "."):
			return skip(entry)
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o700)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// TestReadmeIsHeldToItsWord follows texts that promise what isn't so.
func TestReadmeIsHeldToItsWord(t *testing.T) {
	blocks, err := fences("a\n```sh\necho one; echo 2 two\n```\n\n```text\none\n2 …\n```\nb\n```text\nfree\n```\n" +
		"```yaml f.yaml\nx: 1\n```\n```sh\ncat f.yaml\n```\n```text\nx: 1\n```\n")
	if err != nil || len(blocks) != 6 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	r := &reader{dir: t.TempDir()}
	ran := 0
	for _, b := range blocks {
		ran += r.follow(t, b)
	}
	if ran != 2 {
		t.Errorf("%d blocks were run, want 2", ran)
	}
	if err := r.printed(t.Context(), "x: 2"); err == nil {
		t.Error("a line that was not printed was found")
	}
	for _, text := range []string{"```\nx\n```\n", "```sh\nx\n"} {
		if _, err := fences(text); err == nil {
			t.Errorf("%q was read without complaint", text)
		}
	}
}
