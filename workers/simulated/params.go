package simulated

import (
	"encoding/json"
	"time"

	"trackerfleet/workers/source"
)

// minDropAfter keeps trackers from dropping a transaction that is only late: no transaction is absent for longer.
const minDropAfter = 4

// missingChecks is how many look-ups in vain make a pending transaction missing when the params do not say.
const missingChecks = 3

// spec is what the params of a start ask for. It is shared by starts with the same params and read only.
type spec struct {
	policy      source.Policy
	outcome     outcome
	replacement string // kind; "" is drawn
	after       uint64 // period of the slots; 0: the chain's
	at          uint64 // first slot; 0: the first one after the watch begins
}

// settles reports whether an inclusion is final only when its block cannot be taken back any more.
func (s *spec) settles(reorgDepth uint64) bool {
	return s.policy.Finality != source.Depth || s.policy.Confirmations > reorgDepth
}

// transaction is the Ref of a target: one transaction and what its start asks for.
type transaction struct {
	key  key // of its ID
	spec *spec
}

// plainSpec returns what empty params ask for.
func plainSpec(c Config) *spec {
	return &spec{policy: source.Policy{
		Confirmations: c.Confirmations, Finality: source.Depth, DropAfter: c.DropAfter, MissingChecks: missingChecks,
	}}
}

// parseParams returns what params ask for. It fails with a [*source.ParamsError].
func parseParams(c Config, plain *spec, params json.RawMessage) (*spec, error) {
	in := readObject(params)
	if len(in.values) == 0 && len(in.faults) == 0 {
		return plain, nil
	}
	s := *plain
	if name := in.oneOf("outcome", "confirm", "revert", "drop", "replace", "reorg", "pending"); name != "" {
		s.outcome = outcomes[name]
	}
	if s.outcome == reorg && c.ReorgShare == 0 {
		in.fault("outcome", "reorg never happens on this chain, its reorg_share is 0")
	}
	s.replacement = in.oneOf("replacement", replacements[:]...)
	if s.replacement != "" && s.outcome != replace {
		in.fault("replacement", `needs "outcome": "replace"`)
	}
	in.blocks("after", 1, &s.after)
	in.blocks("at", 1, &s.at)
	in.finality(&s.policy)
	in.progress(&s.policy.Progress)
	if in.raw("drop_after") != "0" {
		in.blocks("drop_after", minDropAfter, &s.policy.DropAfter)
	} else {
		s.policy.DropAfter = 0
		in.know("drop_after")
	}
	in.duration("drop_min_age", &s.policy.DropMinAge)
	checks := uint64(s.policy.MissingChecks)
	in.blocks("missing_checks", 1, &checks)
	s.policy.MissingChecks = int(checks)
	if err := in.err(); err != nil {
		return nil, err
	}
	return &s, nil
}

// finality reads "confirmations" or "finality", which is {"confirmations": n}, "safe" or "finalized".
func (o *object) finality(p *source.Policy) {
	o.blocks("confirmations", 1, &p.Confirmations)
	raw, ok := o.take("finality")
	if !ok {
		return
	}
	if _, both := o.values["confirmations"]; both {
		o.fault("finality", "is said twice, here and in params.confirmations")
		return
	}
	switch raw {
	case `"safe"`:
		p.Finality = source.Safe
		return
	case `"finalized"`:
		p.Finality = source.Finalized
		return
	}
	inner := readObject(json.RawMessage(raw))
	n, found := uint64(0), false
	if _, found = inner.values["confirmations"]; found {
		inner.blocks("confirmations", 1, &n)
	}
	if !found || inner.err() != nil {
		o.fault("finality", `must be {"confirmations": n} with n from 1, "safe" or "finalized"`)
		return
	}
	p.Confirmations = n
}

// progress reads "progress", which is "every", "none" or an ascending list of confirmations.
func (o *object) progress(p *source.Progress) {
	raw, ok := o.take("progress")
	if !ok {
		return
	}
	switch raw {
	case `"every"`:
		p.Every = true
		return
	case `"none"`:
		p.None = true
		return
	}
	const want = `must be "every", "none" or an ascending list of at most 64 confirmations`
	if err := json.Unmarshal([]byte(raw), &p.At); err != nil || len(p.At) == 0 || len(p.At) > 64 {
		o.fault("progress", want)
		return
	}
	for i, n := range p.At {
		if n == 0 || i > 0 && n <= p.At[i-1] {
			o.fault("progress", want)
			return
		}
	}
}

// duration reads a Go duration that is not negative.
func (o *object) duration(field string, v *time.Duration) {
	raw, ok := o.take(field)
	if !ok {
		return
	}
	var s string
	if json.Unmarshal([]byte(raw), &s) == nil {
		if d, err := time.ParseDuration(s); err == nil && d >= 0 {
			*v = d
			return
		}
	}
	o.fault(field, `must be a duration such as "30s"`)
}
