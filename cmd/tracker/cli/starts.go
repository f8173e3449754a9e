package cli

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"trackerfleet/bus"
)

// row is one start of a file. Err is set when it can't be understood.
type row struct {
	Line  int
	Raw   json.RawMessage // as it was written, in JSON
	Start bus.StartRequest
	Err   error
}

// maxLineBytes bounds one line of a file of starts; a longer one ends the reading.
const maxLineBytes = 1 << 20

// readStarts calls yield with the starts in r: JSON lines when it begins with {, otherwise CSV. It ends with what yield
// returns, or with an error that names the line when the rest can't be told apart.
func readStarts(r io.Reader, yield func(row) error) error {
	buffered := bufio.NewReaderSize(r, 64<<10)
	for {
		b, err := buffered.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read starts: %w", err)
		case bytes.ContainsAny(b, " \t\r\n"):
			_, _ = buffered.Discard(1)
			continue
		case b[0] == '{':
			return readJSONLines(buffered, yield)
		}
		return readCSV(buffered, yield)
	}
}

func readJSONLines(r io.Reader, yield func(row) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	n := 0
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		r := decodeRow(n, bytes.Clone(text))
		if text[0] != '{' {
			r = row{Line: n, Raw: mustJSON(string(text)), Err: bus.Errorf(bus.CodeInvalid, "is not a JSON object")}
		}
		if err := yield(r); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read starts: line %d: %w", n+1, err)
	}
	return nil
}

// decodeRow reads a start as the wire has it, or a line of a file of failures, which holds one.
func decodeRow(line int, text []byte) row {
	var failure struct {
		Start json.RawMessage `json:"start"`
	}
	if json.Unmarshal(text, &failure) == nil && len(failure.Start) > 0 {
		text = failure.Start
	}
	start, err := bus.DecodeStart(bus.SubjectStart, text)
	if !json.Valid(text) {
		text = mustJSON(string(text))
	}
	return row{Line: line, Raw: text, Start: start, Err: err}
}

// columns of a CSV file beside params, params.<name>, label.<key> and meta.
var columns = []string{"transaction_id", "source", "restart", "timeout", "on_existing"}

// readCSV reads IDs one a line or, when the first line names transaction_id, the columns that it names.
func readCSV(r io.Reader, yield func(row) error) error {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	c.TrimLeadingSpace = true
	header := []string{"transaction_id"}
	for first := true; ; first = false {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read starts: %w", err)
		}
		line, _ := c.FieldPos(0)
		if first && slices.Contains(record, "transaction_id") {
			if header = record; !slices.ContainsFunc(record, unknownColumn) {
				continue
			}
			i := slices.IndexFunc(record, unknownColumn)
			return &usageError{fmt.Errorf("read starts: column %q: there are %s, params, params.<name>, label.<key> and meta",
				record[i], strings.Join(columns, ", "))}
		}
		if err := yield(csvRow(line, header, record)); err != nil {
			return err
		}
	}
}

func unknownColumn(name string) bool {
	return !slices.Contains(columns, name) && name != "params" && name != "meta" &&
		!strings.HasPrefix(name, "params.") && !strings.HasPrefix(name, "label.")
}

// csvRow builds the start's wire form of one record, so that it is held against the same rules.
func csvRow(line int, header, record []string) row {
	if len(record) != len(header) {
		return row{
			Line: line, Raw: mustJSON(record),
			Err: bus.Errorf(bus.CodeInvalid, "has %d columns, the first line makes %d of it", len(record), len(header)),
		}
	}
	if i := slices.IndexFunc(record, func(value string) bool { return !utf8.ValidString(value) }); i >= 0 {
		return row{Line: line, Raw: mustJSON(record), Err: bus.Errorf(bus.CodeInvalid, "%s: is not valid UTF-8", header[i])}
	}
	body, params, labels := map[string]any{}, map[string]any{}, map[string]string{}
	for i, name := range header {
		value := record[i]
		switch {
		case value == "":
		case name == "params", name == "meta":
			if !json.Valid([]byte(value)) {
				return row{Line: line, Raw: mustJSON(record), Err: bus.Errorf(bus.CodeInvalid, "%s: is not JSON", name)}
			}
			body[name] = json.RawMessage(value)
		case strings.HasPrefix(name, "params."):
			params[strings.TrimPrefix(name, "params.")] = value
		case strings.HasPrefix(name, "label."):
			labels[strings.TrimPrefix(name, "label.")] = value
		default:
			body[name] = value
		}
	}
	if len(params) > 0 {
		body["params"] = params
	}
	if len(labels) > 0 {
		body["labels"] = labels
	}
	return decodeRow(line, mustJSON(body))
}

// mustJSON encodes what was decoded before.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
