package httppoll

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"trackerfleet/workers/source"
)

// Variables with a meaning of their own.
const (
	itemID        = "id"             // in list mode: the id of the item
	transactionID = "transaction_id" // the ID of the start; no param
)

// ref is what a start says of where its transaction is.
type ref struct {
	values string // that fill the template, joined by separator
	item   string // id of the item, in list mode
}

// Parse checks that params give every variable of the template a value that can be one, and nothing else. It fails with a
// [*source.ParamsError] naming every fault.
func (s *Source) Parse(id string, params json.RawMessage) (source.Target, error) {
	given, faults := readValues(params)
	wanted := s.wanted()
	for name := range given {
		if !slices.Contains(wanted, name) {
			faults = append(faults, fault(name, "is no variable of this source; "+variables(wanted)))
		}
	}
	for _, name := range wanted {
		if _, ok := given[name]; !ok && !hasFault(faults, name) {
			faults = append(faults, fault(name, "is missing; "+variables(wanted)))
		}
	}
	given[transactionID] = id
	values := make([]string, len(s.template.names))
	for i, name := range s.template.names {
		values[i] = given[name]
		if why := unusable(given[name]); name == transactionID && why != "" {
			faults = append(faults, source.Fault{Field: "params", Message: "the transaction ID, which the URL is made of, " + why})
		}
	}
	if len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b source.Fault) int { return strings.Compare(a.Field, b.Field) })
		return source.Target{}, &source.ParamsError{Faults: faults[:min(len(faults), maxFaults)]}
	}
	r := ref{values: strings.Join(values, separator)}
	if s.cfg.listed() {
		r.item = given[itemID]
	}
	return source.Target{Ref: r, Policy: s.policy}, nil
}

// Bounds on what is told of bad params.
const (
	maxFaults     = 32
	maxFieldBytes = 64
)

// wanted returns the names of the params that a start must have.
func (s *Source) wanted() []string {
	names := slices.DeleteFunc(slices.Clone(s.template.names), func(name string) bool { return name == transactionID })
	if s.cfg.listed() {
		names = append(names, itemID)
	}
	return names
}

func variables(wanted []string) string {
	if len(wanted) == 0 {
		return "there are none"
	}
	return "wanted: " + strings.Join(wanted, ", ")
}

// fault is what is wrong with a param; "" is all of them.
func fault(name, message string) source.Fault {
	field := "params"
	if name != "" {
		field += "." + strings.ToValidUTF8(name[:min(len(name), maxFieldBytes)], "")
	}
	return source.Fault{Field: field, Message: message}
}

func hasFault(faults []source.Fault, name string) bool {
	return slices.ContainsFunc(faults, func(f source.Fault) bool { return f.Field == "params."+name || f.Field == "params" })
}

// readValues reads an object of strings; nothing and null are empty ones.
func readValues(params json.RawMessage) (values map[string]string, faults []source.Fault) {
	values = map[string]string{}
	params = bytes.TrimSpace(params)
	if len(params) == 0 || string(params) == "null" {
		return values, nil
	}
	if !json.Valid(params) {
		return values, []source.Fault{fault("", "is not JSON")}
	}
	d := json.NewDecoder(bytes.NewReader(params))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return values, []source.Fault{fault("", "must be a JSON object")}
	}
	for d.More() {
		var raw json.RawMessage
		name, err := d.Token()
		if err == nil {
			err = d.Decode(&raw)
		}
		if err != nil {
			return values, append(faults, fault("", "is not JSON"))
		}
		field := fmt.Sprint(name)
		if _, twice := values[field]; twice {
			faults = append(faults, fault(field, "is there twice"))
			continue
		}
		value, why := readValue(raw)
		if values[field] = value; why != "" {
			faults = append(faults, fault(field, why))
		}
	}
	return values, faults
}

// readValue returns the value of a variable, or why it can't be one.
func readValue(raw json.RawMessage) (value, why string) {
	if raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		return "", `must be text, such as "pay_1"; numbers too`
	}
	return value, unusable(value)
}

// unusable returns why a value can't be put into a URL; "" if it can. What is escaped for a path can be unescaped by a server
// before it looks for its way, so no part of a value may be a step in one.
func unusable(value string) string {
	switch {
	case value == "":
		return "is empty"
	case len(value) > maxValueBytes:
		return fmt.Sprintf("has %d bytes, at most %d are possible", len(value), maxValueBytes)
	case !utf8.ValidString(value):
		return "is not UTF-8"
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }):
		return "has control characters in it"
	}
	for _, step := range strings.FieldsFunc(value, func(r rune) bool { return r == '/' || r == '\\' }) {
		if step == "." || step == ".." {
			return "has a step of a path in it"
		}
	}
	return ""
}
