package table

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// TestConformance holds the source to what every source without blocks does.
func TestConformance(t *testing.T) {
	sourcetest.RunProvider(t, func(t *testing.T) sourcetest.Provider {
		b := &book{file: filepath.Join(t.TempDir(), "payments.csv")}
		b.write(t)
		return b
	})
}

func TestNew_wantsAFile(t *testing.T) {
	if _, err := New(Defaults()); err == nil {
		t.Error("a source of no file")
	}
}

// book writes the table as the suite asks for it.
type book struct {
	file  string
	lines []string
	away  bool // the file cannot be read
}

func (b *book) NewSource(t testing.TB) source.Source {
	s, err := New(Config{File: b.file, Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *book) NewTransaction(testing.TB) sourcetest.Transaction {
	b.lines = append(b.lines, "")
	return sourcetest.Transaction{ID: fmt.Sprintf("pay_%d", len(b.lines))}
}

func (b *book) Process(t testing.TB, tx sourcetest.Transaction) { b.set(t, tx, "started") }

func (b *book) Settle(t testing.TB, tx sourcetest.Transaction, end source.End) {
	for status, e := range ends {
		if e == end {
			b.set(t, tx, status)
		}
	}
}

func (b *book) SetOutage(t testing.TB, on bool) {
	b.away = on
	b.write(t)
}

func (b *book) Many() int { return 1100 }

// set puts the line of a transaction into the table.
func (b *book) set(t testing.TB, tx sourcetest.Transaction, status string) {
	var n int
	if _, err := fmt.Sscanf(tx.ID, "pay_%d", &n); err != nil {
		t.Fatal(err)
	}
	b.lines[n-1] = tx.ID + "," + status + "\n"
	b.write(t)
}

// write replaces the file at once, so that nobody reads half of it.
func (b *book) write(t testing.TB) {
	if b.away { // perhaps for a while
		if err := os.Remove(b.file); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(b.file+".new", []byte(strings.Join(b.lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.file+".new", b.file); err != nil {
		t.Fatal(err)
	}
}
