package bus

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Filter chooses trackers. The zero Filter chooses all. Get one from [ParseFilter].
type Filter struct{ terms []term }

// term is one condition of a Filter.
type term struct {
	not    bool
	key    string   // one of filterKeys, "label.<key>", or "" for text inside the ID
	op     string   // of a measured key: one of > >= < <= =
	values []string // any of these
	prefix []bool   // of values: compare only the beginning
	limit  uint64   // of a counted key
	span   time.Duration
}

// filterKeys are what a filter can ask for beside labels.
var filterKeys = []string{
	"id", "status", "phase", "source", "worker", "partition", "run", "restarts", "events", "age", "idle",
}

// ParseFilter reads a filter: conditions with spaces between them, all of which must hold.
//
//	status:confirming,pending    any of these; likewise phase, source, worker, partition, id
//	id:txn_*                     an ID that begins so; id:txn_1 is that one
//	label.team:wallet            has that label
//	age:>10m  idle:<=1h          time since it was started, since it last changed
//	run:>1  restarts:>=3         counted; likewise events
//	-phase:finished              not
//	"any text"                   part of the ID
//
// A value with a space, comma or asterisk of its own is written as a Go string in double quotes. Empty text chooses all.
// The error is an [*Error] that is [ErrInvalid] and names every fault.
func ParseFilter(text string) (Filter, error) {
	var f faults
	if len(text) > MaxFilterBytes {
		f.addSize("filter", "has %d bytes, at most %d are allowed", len(text), MaxFilterBytes)
		return Filter{}, f.err()
	}
	if !utf8.ValidString(text) {
		f.add("filter", "is not valid UTF-8")
		return Filter{}, f.err()
	}
	words, ok := splitWords(text)
	if !ok {
		f.add("filter", "has a quote that is not closed")
	}
	var filter Filter
	for _, word := range words {
		t, fault := parseTerm(word)
		if fault != "" {
			f.add("filter", "%s: %s", strconv.Quote(word), fault)
			continue
		}
		filter.terms = append(filter.terms, t)
	}
	if err := f.err(); err != nil {
		return Filter{}, err
	}
	return filter, nil
}

// splitWords splits text at spaces outside of quotes.
func splitWords(text string) ([]string, bool) {
	var words []string
	start, quoted := -1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if start < 0 {
				start = i
			}
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if start >= 0 {
				words = append(words, text[start:i])
			}
			start = -1
		case start < 0:
			start = i
		}
	}
	if quoted {
		return words, false
	}
	if start >= 0 {
		words = append(words, text[start:])
	}
	return words, true
}

// parseTerm reads one word; fault says what is wrong with it.
func parseTerm(word string) (t term, fault string) {
	key, value, ok := strings.Cut(word, ":")
	if !ok || strings.HasPrefix(word, `"`) {
		v, _, good := parseValue(word)
		if !good {
			return t, "is no condition"
		}
		return term{values: []string{v}, prefix: []bool{false}}, ""
	}
	t.key, t.not = strings.CutPrefix(key, "-")
	label, isLabel := strings.CutPrefix(t.key, "label.")
	switch {
	case isLabel && labelKey(label):
		return t.withValues(value, nil)
	case isLabel:
		return t, "is no label"
	}
	switch t.key {
	case "status":
		return t.withValues(value, statusNames())
	case "phase":
		return t.withValues(value, phaseNames())
	case "id", "source", "worker", "partition":
		return t.withValues(value, nil)
	case "run", "restarts", "events", "age", "idle":
		return t.withMeasure(value)
	}
	return t, "is not one of label.<key>, " + strings.Join(filterKeys, ", ")
}

// withValues reads the values of a condition of equality; allowed is nil if any will do.
func (t term) withValues(text string, allowed []string) (term, string) {
	for _, part := range splitValues(text) {
		v, prefix, ok := parseValue(part)
		switch {
		case !ok:
			return t, "has a value that cannot be read"
		case allowed != nil && !slices.Contains(allowed, v):
			return t, "must be one of " + strings.Join(allowed, ", ")
		}
		t.values = append(t.values, v)
		t.prefix = append(t.prefix, prefix)
	}
	return t, ""
}

// splitValues splits at commas outside of quotes.
func splitValues(text string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ',':
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// parseValue reads a value with or without quotes; one that ends in * without quotes is a beginning.
func parseValue(s string) (value string, prefix, ok bool) {
	if strings.HasPrefix(s, `"`) {
		v, err := strconv.Unquote(s)
		return v, false, err == nil
	}
	v, prefix := strings.CutSuffix(s, "*")
	return v, prefix, (v != "" || prefix) && !strings.ContainsAny(v, `"*`)
}

// withMeasure reads an operator and a number or span.
func (t term) withMeasure(text string) (term, string) {
	number := strings.TrimLeft(text, "<>=")
	t.op = text[:len(text)-len(number)]
	switch t.op {
	case "":
		t.op = "="
	case ">", ">=", "<", "<=", "=":
	default:
		return t, "has an operator that is not one of > >= < <= ="
	}
	var err error
	if t.key == "age" || t.key == "idle" {
		if t.span, err = time.ParseDuration(number); err != nil || t.span < 0 {
			return t, "needs a duration such as >10m"
		}
		return t, ""
	}
	if t.limit, err = strconv.ParseUint(number, 10, 64); err != nil {
		return t, "needs a whole number such as >3"
	}
	return t, ""
}
