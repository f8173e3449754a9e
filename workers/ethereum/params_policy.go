package ethereum

import (
	"encoding/json"
	"strconv"
	"time"

	"trackerfleet/workers/source"
)

func (p *parser) finality(raw json.RawMessage) {
	var name string
	if json.Unmarshal(raw, &name) == nil && !isNull(raw) {
		switch name {
		case "safe":
			p.policy.Finality = source.Safe
		case "finalized":
			p.policy.Finality = source.Finalized
		default:
			p.fault("finality", `want {"confirmations": n}, "safe" or "finalized"`)
		}
		return
	}
	fields, faults := objectFields(raw, func(name string) bool { return name == "confirmations" })
	n, ok := fields["confirmations"]
	if len(faults) > 0 || !ok {
		p.fault("finality", `want {"confirmations": n}, "safe" or "finalized"`)
		return
	}
	p.number("finality.confirmations", n, 1, &p.policy.Confirmations)
}

func (p *parser) progress(raw json.RawMessage) {
	const want = `want "every", "none" or an ascending list of confirmations`
	var name string
	var list []uint64
	switch {
	case isNull(raw):
		p.fault("progress", want)
	case json.Unmarshal(raw, &name) == nil:
		switch name {
		case "every":
			p.policy.Progress.Every = true
		case "none":
			p.policy.Progress.None = true
		default:
			p.fault("progress", want)
		}
	case json.Unmarshal(raw, &list) == nil && len(list) > 0 && len(list) <= maxProgress:
		for i, n := range list {
			if n == 0 || i > 0 && n <= list[i-1] {
				p.fault("progress", want)
				return
			}
		}
		p.policy.Progress.At = list
	default:
		p.fault("progress", "%s, at most %d", want, maxProgress)
	}
}

// number reads a JSON number that is a whole one and not below lowest. Heights stay far from where sums would overflow.
func (p *parser) number(field string, raw json.RawMessage, lowest uint64, to *uint64) {
	n, err := strconv.ParseUint(string(raw), 10, 53)
	if err != nil || n < lowest {
		p.fault(field, "want a whole number from %d to 2^53-1", lowest)
		return
	}
	*to = n
}

func (p *parser) dropMinAge(raw json.RawMessage) {
	s, ok := p.text("drop_min_age", raw)
	if !ok {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		p.fault("drop_min_age", "want a duration that is not negative, as in 30m")
		return
	}
	p.policy.DropMinAge = d
}

func (p *parser) revertReason(raw json.RawMessage) {
	s, ok := p.text("revert_reason", raw)
	if !ok {
		return
	}
	if s != "off" && s != "call" {
		p.fault("revert_reason", `want "off" or "call"`)
		return
	}
	p.extra.reason = s == "call"
}
