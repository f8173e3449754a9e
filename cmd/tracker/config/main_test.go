package config

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write puts content into a file of the test's own and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, in Input) *Loaded {
	t.Helper()
	l, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// settingsOf returns the settings of the profile called name.
func settingsOf[S any](t *testing.T, l *Loaded, name string) S {
	t.Helper()
	s, ok := l.Sources[name].Settings().(S)
	if !ok {
		t.Fatalf("source %q has settings %T", name, l.Sources[name].Settings())
	}
	return s
}
