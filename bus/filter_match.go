package bus

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Match reports whether the filter chooses t at the time now.
func (f Filter) Match(t *Tracker, now time.Time) bool {
	for _, c := range f.terms {
		if c.match(t, now) == c.not {
			return false
		}
	}
	return true
}

func (c term) match(t *Tracker, now time.Time) bool {
	switch c.key {
	case "":
		return strings.Contains(t.TransactionID.raw, c.values[0])
	case "id":
		return c.any(t.TransactionID.raw)
	case "status":
		return c.any(string(t.Status))
	case "phase":
		return c.any(string(t.Phase))
	case "source":
		return c.any(t.Source)
	case "worker":
		return c.any(t.Worker)
	case "partition":
		return c.any(strconv.Itoa(t.Partition))
	case "run":
		return compare(c.op, t.Run, c.limit)
	case "restarts":
		return compare(c.op, t.Restarts, c.limit)
	case "events":
		return compare(c.op, t.Events, c.limit)
	case "age":
		return compare(c.op, now.Sub(t.StartedAt), c.span)
	case "idle":
		return compare(c.op, now.Sub(t.UpdatedAt), c.span)
	}
	value, ok := t.Labels[strings.TrimPrefix(c.key, "label.")]
	return ok && c.any(value)
}

// any reports whether s is, or begins with, one of the values.
func (c term) any(s string) bool {
	for i, v := range c.values {
		if s == v || c.prefix[i] && strings.HasPrefix(s, v) {
			return true
		}
	}
	return false
}

func compare[T cmp.Ordered](op string, have, limit T) bool {
	switch op {
	case ">":
		return have > limit
	case ">=":
		return have >= limit
	case "<":
		return have < limit
	case "<=":
		return have <= limit
	}
	return have == limit
}

// String returns text that [ParseFilter] reads as the same filter.
func (f Filter) String() string {
	words := make([]string, len(f.terms))
	for i, c := range f.terms {
		words[i] = c.String()
	}
	return strings.Join(words, " ")
}

func (c term) String() string {
	if c.key == "" {
		return strconv.Quote(c.values[0])
	}
	word := c.key + ":"
	if c.not {
		word = "-" + word
	}
	switch c.key {
	case "age", "idle":
		return word + c.op + c.span.String()
	case "run", "restarts", "events":
		return word + c.op + strconv.FormatUint(c.limit, 10)
	}
	values := make([]string, len(c.values))
	for i, v := range c.values {
		if values[i] = strconv.Quote(v); c.prefix[i] {
			values[i] = v + "*"
		}
	}
	return word + strings.Join(values, ",")
}

// Worker returns the workers that the filter is limited to, so that nobody else need be asked; nil if it is not.
func (f Filter) Worker() []string {
	for _, c := range f.terms {
		if c.key == "worker" && !c.not && !slices.Contains(c.prefix, true) {
			return c.values
		}
	}
	return nil
}

func statusNames() []string {
	return []string{
		string(StatusUnseen), string(StatusPending), string(StatusConfirming), string(StatusMissing), string(StatusConfirmed),
		string(StatusFailed), string(StatusReplaced), string(StatusDropped), string(StatusExpired), string(StatusStopped),
	}
}

func phaseNames() []string {
	return []string{
		string(PhaseStarting), string(PhaseRunning), string(PhaseBackoff), string(PhaseHandoff), string(PhaseParked),
		string(PhaseFinished),
	}
}
