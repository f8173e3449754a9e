package ethereum

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"

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
	for _, f := range paramFields {
		if raw, ok := fields[f.name]; ok && f.parse != nil {
			f.parse(&p, raw)
		}
	}
	p.pairs(fields)
	if len(p.faults) > 0 || !known {
		return source.Target{}, &source.ParamsError{Faults: p.faults}
	}
	return source.Target{Ref: &ref{hash, p.extraOf()}, Policy: s.policies.shared(p.policy)}, nil
}

// paramFields are all fields there are, in the order in which their faults are told.
var paramFields = []paramField{
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
	{"from_block", func(p *parser, raw json.RawMessage) { p.number("from_block", raw, 0, &p.extra.fromBlock) }},
	{"revert_reason", (*parser).revertReason},
}

type paramField struct {
	name  string
	parse func(*parser, json.RawMessage)
}

func isParam(name string) bool {
	return slices.ContainsFunc(paramFields, func(f paramField) bool { return f.name == name })
}

// parser collects what the fields say and everything that is wrong with them.
type parser struct {
	cfg    *Config
	policy source.Policy
	extra  extra
	from   *Address
	nonceN *uint64
	to     *Address
	wei    *big.Int
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
	p.wei = n
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

// extraOf returns what was asked beside the hash, nil if nothing was.
func (p *parser) extraOf() *extra {
	x := p.extra // a copy: a pointer into the parser would keep all of it
	if p.from != nil && p.nonceN != nil {
		x.nonce, x.from, x.slotted = *p.nonceN, *p.from, true
	}
	if p.to != nil && p.wei != nil && p.data != nil {
		x.deed = deedOf(p.to, p.wei, *p.data)
	}
	if x == (extra{}) {
		return nil
	}
	return &x
}
