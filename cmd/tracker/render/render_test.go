package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type thing struct {
	ID string `json:"id"`
	N  int    `json:"n"`
}

func grid() Grid {
	return Grid{Columns: []string{"id", "n"}, Rows: [][]string{{"a<b", "1"}, {"evil\x1b[2J\u202e", "2"}}, Notes: []string{"more"}}
}

func TestPrint_writesEachFormat(t *testing.T) {
	for format, want := range map[Format]func(out string) bool{
		Table: func(s string) bool {
			return strings.HasPrefix(s, "ID") && strings.Contains(s, "a<b") && strings.HasSuffix(s, "more\n") &&
				!strings.ContainsAny(s, "\x1b\u202e")
		},
		JSON:  func(s string) bool { return s == "{\n  \"id\": \"a<b\",\n  \"n\": 1\n}\n" },
		JSONL: func(s string) bool { return s == "{\"id\":\"a<b\",\"n\":1}\n" },
		None:  func(s string) bool { return s == "" },
	} {
		var out bytes.Buffer
		if err := (Printer{format, &out}).Print(thing{"a<b", 1}, grid); err != nil || !want(out.String()) {
			t.Errorf("%s: err %v, wrote %q", format, err, out.String())
		}
	}
}

func TestPrintItems_writesALineForEachItem(t *testing.T) {
	items := []thing{{"a", 1}, {"b", 2}}
	var out bytes.Buffer
	if err := PrintItems(Printer{JSONL, &out}, nil, items, grid); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n" {
		t.Errorf("wrote %q", got)
	}
}

func TestStream_isOneJSONDocumentWhateverItsLength(t *testing.T) {
	for n := range 4 {
		var out bytes.Buffer
		s := NewStream(Printer{JSON, &out})
		for i := range n {
			if err := s.Add(thing{"x", i}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var got []thing
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != n {
			t.Errorf("%d items: err %v, wrote %s", n, err, out.String())
		}
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestPrinter_tellsWhenNothingCanBeWritten(t *testing.T) {
	for _, format := range []Format{Table, JSON, JSONL} {
		p := Printer{format, full{}}
		if err := p.Print(thing{}, grid); !errors.Is(err, errFull) {
			t.Errorf("%s: Print err = %v", format, err)
		}
		if err := NewStream(p).Add(thing{}, func() string { return "x" }); !errors.Is(err, errFull) {
			t.Errorf("%s: Add err = %v", format, err)
		}
	}
}
