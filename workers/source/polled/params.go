package polled

import (
	"bytes"
	"encoding/json"
	"errors"

	"trackerfleet/workers/source"
)

// Parse checks the params of a start. It fails with a [*source.ParamsError].
func (s *Source) Parse(id string, params json.RawMessage) (source.Target, error) {
	ref, err := s.cfg.Parse(id, params)
	if err == nil {
		return source.Target{Ref: ref, Policy: s.policy}, nil
	}
	var faults *source.ParamsError
	if !errors.As(err, &faults) {
		faults = &source.ParamsError{Faults: []source.Fault{{Field: "params", Message: err.Error()}}}
	}
	return source.Target{}, faults
}

// noParams is the Parse of a source whose references are the IDs.
func noParams(id string, params json.RawMessage) (string, error) {
	params = bytes.TrimSpace(params)
	if len(params) == 0 || string(params) == "null" {
		return id, nil
	}
	var none map[string]json.RawMessage
	if err := json.Unmarshal(params, &none); err != nil {
		return "", errors.New("must be a JSON object, or left out")
	}
	faults := &source.ParamsError{}
	for name := range none {
		faults.Faults = append(faults.Faults, source.Fault{Field: "params." + name, Message: "is no param of this source; there are none"})
		if len(faults.Faults) == maxFaults {
			break
		}
	}
	if len(none) > 0 {
		return "", faults
	}
	return id, nil
}

// maxFaults bounds what is told of bad params.
const maxFaults = 32
