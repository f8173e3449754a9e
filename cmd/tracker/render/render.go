package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Format is how answers are written.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"  // one indented document
	JSONL Format = "jsonl" // one document a line
	None  Format = "none"
)

// Printer writes answers in one format. It is for one goroutine.
type Printer struct {
	Format Format
	Out    io.Writer
}

// Grid is a table: every row has a cell for each column. Notes are lines below it.
type Grid struct {
	Columns []string
	Rows    [][]string
	Notes   []string
}

// Print writes v as JSON, or the grid that draw returns as a table.
func (p Printer) Print(v any, draw func() Grid) error {
	switch p.Format {
	case JSON:
		return p.document(v, "  ")
	case JSONL:
		return p.document(v, "")
	case Table:
		return p.grid(draw())
	}
	return nil
}

// PrintItems writes a list: whole as JSON, its items as JSON lines, or the grid that draw returns.
func PrintItems[T any](p Printer, whole any, items []T, draw func() Grid) error {
	if p.Format != JSONL {
		return p.Print(whole, draw)
	}
	for i := range items {
		if err := p.document(&items[i], ""); err != nil {
			return err
		}
	}
	return nil
}

func (p Printer) document(v any, indent string) error {
	e := json.NewEncoder(p.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}

func (p Printer) grid(g Grid) error {
	t := table.NewWriter()
	t.SetStyle(style())
	if len(g.Columns) > 0 {
		t.AppendHeader(cells(g.Columns))
	}
	for _, row := range g.Rows {
		t.AppendRow(cells(row))
	}
	if len(g.Columns) > 0 || len(g.Rows) > 0 {
		for line := range strings.Lines(t.Render()) {
			if _, err := fmt.Fprintln(p.Out, strings.TrimRight(line, " \n")); err != nil {
				return fmt.Errorf("write answer: %w", err)
			}
		}
	}
	for _, note := range g.Notes {
		if _, err := fmt.Fprintln(p.Out, note); err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
	}
	return nil
}

// style is columns and spaces, nothing else: it survives cut, awk and narrow terminals.
func style() table.Style {
	s := table.StyleDefault
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	s.Options = table.OptionsNoBordersAndSeparators
	s.Format.Header = text.FormatUpper
	return s
}

func cells(row []string) table.Row {
	out := make(table.Row, len(row))
	for i, c := range row {
		out[i] = Cell(c)
	}
	return out
}

// Cell returns s as it may stand in a terminal: text with anything unprintable in it is quoted, so that nobody's data
// moves the cursor or turns the reading direction.
func Cell(s string) string {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return strconv.QuoteToGraphic(s)
		}
	}
	return s
}
