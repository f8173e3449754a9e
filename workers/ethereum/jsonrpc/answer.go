package jsonrpc

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// answer is one JSON-RPC response object as it came.
type answer struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *Error          `json:"error"`
}

// parseAnswers reads a body that is one response object or an array of them. single says that it was one object.
func parseAnswers(body []byte) (answers []answer, single bool, err error) {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return nil, false, ErrGarbage
	case body[0] == '[':
		err = json.Unmarshal(body, &answers)
	case body[0] == '{':
		var one answer
		err = json.Unmarshal(body, &one)
		answers, single = []answer{one}, true
	default:
		return nil, false, ErrGarbage
	}
	if err != nil {
		return nil, false, ErrGarbage
	}
	return answers, single, nil
}

// key returns the answer's id as a number; a server may echo it as a string.
func (a answer) key() (uint64, bool) {
	id, err := strconv.ParseUint(string(bytes.Trim(a.ID, `"`)), 10, 64)
	return id, err == nil
}

// valid reports whether the answer says anything at all.
func (a answer) valid() bool { return a.Error != nil || len(a.Result) > 0 }
