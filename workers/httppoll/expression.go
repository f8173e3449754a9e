package httppoll

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// view is what an expression sees, and all it sees.
type view struct {
	Body   any               `expr:"body"`
	Header map[string]string `expr:"header"` // by lower-case name, the first value of each
	Code   int               `expr:"code"`
	Item   any               `expr:"item"`
}

// maxNodes bounds expressions.
const maxNodes = 500

// compile adds what is wrong with an expression to f. An expression reads no clock, so that an answer means the same whenever
// it is looked at.
func compile(field, text string, f *faults) *vm.Program {
	program, err := expr.Compile(text, expr.Env(view{}), expr.MaxNodes(maxNodes), expr.DisableBuiltin("now"))
	if err != nil {
		f.want(false, field, "%s", firstLine(err))
	}
	return program
}

// evaluate runs an expression. It never panics, and takes a bounded amount of memory.
func evaluate(program *vm.Program, v *view) (any, error) {
	out, err := expr.Run(program, v)
	if err != nil {
		return nil, errors.New(firstLine(err))
	}
	return out, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// word returns what an expression gave as a word: text, a whole number or a truth.
func word(v any) (string, error) {
	switch x := v.(type) {
	case string:
		if x == "" {
			return "", errors.New("is empty")
		}
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int:
		return strconv.Itoa(x), nil
	case json.Number:
		return x.String(), nil
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return strconv.FormatFloat(x, 'f', -1, 64), nil
		}
	case nil:
		return "", errors.New("is not there")
	}
	return "", fmt.Errorf("is %T, not a word", v)
}

// errGarbage is an answer that is not JSON.
var errGarbage = errors.New("the answer is not JSON")

// decode reads one JSON value; nothing is nil. Whole numbers are exact.
func decode(b []byte) (any, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, errGarbage
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errGarbage
	}
	return plain(v), nil
}

// plain puts numbers that an expression can count with in place of their text.
func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for name, value := range x {
			x[name] = plain(value)
		}
	case []any:
		for i, value := range x {
			x[i] = plain(value)
		}
	case json.Number:
		if n, err := strconv.Atoi(x.String()); err == nil {
			return n
		}
		if strings.ContainsAny(x.String(), ".eE") {
			if f, err := x.Float64(); err == nil {
				return f
			}
		}
	}
	return v
}

// lower returns the headers as an expression sees them.
func lower(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		if len(values) > 0 {
			out[strings.ToLower(name)] = values[0]
		}
	}
	return out
}
