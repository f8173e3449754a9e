package checker

import (
	"fmt"
	"strings"
)

// Outcome is how a check ended.
type Outcome int

// The outcomes.
const (
	Held     Outcome = iota // every invariant held, everything was read and the fault was felt
	Violated                // at least one invariant did not hold
	Void                    // nothing can be said
)

// String returns the outcome's name.
func (o Outcome) String() string { return [...]string{"held", "violated", "void"}[o] }

// Verdict is the outcome of a check with its reasons.
type Verdict struct {
	Outcome    Outcome
	Reasons    []string    // why it is void
	Violations []Violation // at least one when it is violated
	Seed       uint64
	Events     int // how many were judged
	Runs       int // and of how many runs
}

// Violation is one broken invariant of one transaction.
type Violation struct {
	Invariant int // as numbered in the package's doc
	ID        string
	What      string
	Timeline  []Event // everything that happened to the transaction
}

// String returns the violation with the whole timeline.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "invariant %d, transaction %q: %s", v.Invariant, v.ID, v.What)
	for _, e := range v.Timeline {
		fmt.Fprintf(&b, "\n    %s", e)
	}
	return b.String()
}

// shown is how many violations a verdict spells out; more hide the first.
const shown = 5

// String returns what a person needs to go on: the outcome, the seed, the reasons, the first violations.
func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d events of %d runs, seed %d", v.Outcome, v.Events, v.Runs, v.Seed)
	for _, reason := range v.Reasons {
		fmt.Fprintf(&b, "\n  %s", reason)
	}
	for i, violation := range v.Violations {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(v.Violations)-shown)
			break
		}
		fmt.Fprintf(&b, "\n  %s", violation)
	}
	return b.String()
}
