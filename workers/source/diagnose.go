package source

import "context"

// Diagnoser is implemented by sources that can say in words what is right and what is wrong with what they follow, for a
// person who has just configured them or who looks for the reason that nothing moves.
type Diagnoser interface {
	// Diagnose asks the outside anew and returns what it found, at least one finding: what is well is said too. It does I/O of its own and needs no Run: it may be called before, while and after Run runs,
	// from any goroutine, and disturbs neither what is watched nor what Health says. It changes nothing outside.
	//
	// It returns soon after ctx ended, with what it found until then: what got no answer in that time is a fault that says
	// so. Errors of the outside are findings, and so is nonsense in an answer. Nothing in a finding is secret: endpoints go by
	// the names that [EndpointHealth] has for them.
	Diagnose(ctx context.Context) []Finding
}

// Finding is one thing that was checked and what came of it, for people.
type Finding struct {
	Subject  string   // what was checked: an endpoint's name, or a part of the source such as "finality"; "" is all of it
	Severity Severity // how bad it is
	Message  string   // what is so, in one line: "chain id is 1, as configured", "is for chain 5, not for eip155:1"
	Remedy   string   // what to do about it, in one line; "" if there is nothing to do or nobody knows
}

// Severity is how bad a [Finding] is.
type Severity uint8

// The severities.
const (
	OK      Severity = iota // as it should be
	Warning                 // works, with something missing or worse than it could be
	Faulty                  // does not work, or not as configured
)

// String returns the name shown to people and written to JSON.
func (s Severity) String() string { return [...]string{"ok", "warning", "fault"}[s] }

// Worst returns the highest severity of findings; OK if there are none.
func Worst(findings []Finding) Severity {
	worst := OK
	for _, f := range findings {
		worst = max(worst, f.Severity)
	}
	return worst
}
