package ethereum

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"time"

	"trackerfleet/workers/source"
)

// maxProgress is how many heights a progress list may name.
const maxProgress = 64

// Parse checks the params of a start. hash may be left out if the transaction ID is one. The target's policy is shared by
// all starts that ask for the same.
func (s *Source) Parse(id string, params json.RawMessage) (source.Target, error) {
	p := parser{cfg: &s.cfg, policy: source.Policy{
		Confirmations: s.cfg.Confirmations, DropAfter: s.cfg.DropAfter, DropMinAge: s.cfg.DropMinAge, MissingChecks: s.cfg.MissingChecks,
	}}
	fields, faults := objectFields(params, isParam)
	p.faults = faults
	hash, known := p.hash(id, fields["hash"])
	p.ref.hash = hash
	for _, f := range paramFields {
		if raw, ok := fields[f.name]; ok && f.parse != nil {
			f.parse(&p, raw)
		}
	}
	p.pairs(fields)
	if len(p.faults) > 0 || !known {
		return source.Target{}, &source.ParamsError{Faults: p.faults}
	}
	p.ref.slot = p.slotOf()
	p.ref.details = p.detailsOf()
	return source.Target{Ref: &p.ref, Policy: s.policies.shared(p.policy)}, nil
}

// paramFields are all fields there are, in the order in which their faults are told.
var paramFields []paramField

type paramField struct {
	name  string
	parse func(*parser, json.RawMessage)
}

func init() {
	paramFields = []paramField{
		{"hash", nil}, // Parse reads it together with the ID
		{"chain", (*parser).chain},
		{"from", func(p *parser, raw json.RawMessage) { p.from = p.address("from", raw) }},
		{"nonce", (*parser).nonce},
		{"to", func(p *parser, raw json.RawMessage) { p.to = p.address("to", raw) }},
		{"value", (*parser).value},
		{"data_hash", (*parser).dataHash},
		{"finality", (*parser).finality},
		{"progress", (*parser).progress},
		{"drop_after", func(p *parser, raw json.RawMessage) { p.number("drop_after", raw, 0, &p.policy.DropAfter) }},
		{"drop_min_age", (*parser).dropMinAge},
		{"from_block", func(p *parser, raw json.RawMessage) { p.number("from_block", raw, 0, &p.ref.fromBlock) }},
		{"revert_reason", (*parser).revertReason},
	}
}

func isParam(name string) bool {
	return slices.ContainsFunc(paramFields, func(f paramField) bool { return f.name == name })
}

// parser collects what the fields say and everything that is wrong with them.
type parser struct {
	cfg    *Config
	policy source.Policy
	ref    ref
	from   *Address
	nonceN *uint64
	to     *Address
	wei    string
	data   *Hash
	faults []source.Fault
}

func (p *parser) fault(field, format string, args ...any) {
	p.faults = append(p.faults, source.Fault{Field: "params." + field, Message: fmt.Sprintf(format, args...)})
}

// text reads a string field.
func (p *parser) text(field string, raw json.RawMessage) (string, bool) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		p.fault(field, "want a string")
		return "", false
	}
	return *s, true
}

func (p *parser) hash(id string, raw json.RawMessage) (Hash, bool) {
	if raw == nil {
		h, err := ParseHash(id)
		if err != nil {
			p.fault("hash", "is required: 0x and 64 hexadecimal digits (the transaction ID is no hash)")
		}
		return h, err == nil
	}
	s, ok := p.text("hash", raw)
	if !ok {
		return Hash{}, false
	}
	h, err := ParseHash(s)
	if err != nil {
		p.fault("hash", "want 0x and 64 hexadecimal digits")
	}
	return h, err == nil
}

func (p *parser) chain(raw json.RawMessage) {
	if s, ok := p.text("chain", raw); ok && s != p.cfg.Chain {
		p.fault("chain", "this source follows %s", p.cfg.Chain)
	}
}

func (p *parser) address(field string, raw json.RawMessage) *Address {
	s, ok := p.text(field, raw)
	if !ok {
		return nil
	}
	a, err := ParseAddress(s)
	if err != nil {
		p.fault(field, "want 0x and 40 hexadecimal digits")
		return nil
	}
	return &a
}

var decimalDigits = regexp.MustCompile(`^(0|[1-9][0-9]{0,77})$`)

func (p *parser) nonce(raw json.RawMessage) {
	s, ok := p.text("nonce", raw)
	if !ok {
		return
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || !decimalDigits.MatchString(s) || n == math.MaxUint64 { // EIP-2681
		p.fault("nonce", "want a decimal number below 2^64-1, as a string")
		return
	}
	p.nonceN = &n
}

func (p *parser) value(raw json.RawMessage) {
	s, ok := p.text("value", raw)
	if !ok {
		return
	}
	n, good := new(big.Int), decimalDigits.MatchString(s)
	if good {
		_, good = n.SetString(s, 10)
	}
	if !good || n.BitLen() > 256 {
		p.fault("value", "want an amount in wei below 2^256, decimal, as a string")
		return
	}
	p.wei = s
}

func (p *parser) dataHash(raw json.RawMessage) {
	if s, ok := p.text("data_hash", raw); ok {
		h, err := ParseHash(s)
		if err != nil {
			p.fault("data_hash", "want 0x and 64 hexadecimal digits")
			return
		}
		p.data = &h
	}
}

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
	p.ref.reason = s == "call"
}

// pairs checks what only makes sense together.
func (p *parser) pairs(fields map[string]json.RawMessage) {
	_, from := fields["from"]
	_, nonce := fields["nonce"]
	switch {
	case from && !nonce:
		p.fault("nonce", "is required together with from")
	case nonce && !from:
		p.fault("from", "is required together with nonce")
	}
}

func (p *parser) slotOf() *slot {
	if p.from == nil || p.nonceN == nil {
		return nil
	}
	return &slot{*p.from, *p.nonceN}
}

func (p *parser) detailsOf() *wantDetails {
	if p.to == nil && p.wei == "" && p.data == nil {
		return nil
	}
	return &wantDetails{p.to, p.wei, p.data}
}
