package render

import (
	"encoding/json"
	"fmt"
	"io"
)

// Stream writes items as they come: a JSON array, JSON lines, or lines of text.
type Stream struct {
	p     Printer
	count int
}

// NewStream returns a stream on p. Close ends it.
func NewStream(p Printer) *Stream { return &Stream{p: p} }

// Add writes one item; line is its form in a table.
func (s *Stream) Add(v any, line func() string) error {
	s.count++
	switch s.p.Format {
	case JSONL:
		return s.p.document(v, "")
	case JSON:
		before := ",\n  "
		if s.count == 1 {
			before = "[\n  "
		}
		b, err := json.MarshalIndent(v, "  ", "  ")
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return s.write(before + string(b))
	case Table:
		return s.write(line() + "\n")
	}
	return nil
}

// Close ends the array.
func (s *Stream) Close() error {
	switch {
	case s.p.Format != JSON:
		return nil
	case s.count == 0:
		return s.write("[]\n")
	}
	return s.write("\n]\n")
}

func (s *Stream) write(text string) error {
	if _, err := io.WriteString(s.p.Out, text); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
