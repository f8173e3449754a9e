package simulated

import (
	"encoding/json"
	"fmt"

	"trackerfleet/workers/source"
)

// Truth is how a transaction ends. It is known before anybody watches it, from the configuration, the ID and the params.
type Truth struct {
	Status      string // confirmed, failed, replaced or dropped; pending: it never ends by itself
	By          string // replaced: the other transaction
	Replacement string // replaced: speedup, cancel or other
	// Block is where a tracker that misses nothing sees it end; nil where no block is meant, or when the params do not say
	// "at": then it depends on when the watch began, and [Truth.Check] tells a possible block from others.
	Block *source.BlockRef

	fate   fate
	policy *source.Policy
}

// ends are the statuses that outcomes lead to.
var ends = map[outcome]string{
	confirm: "confirmed", reorg: "confirmed", revert: "failed", drop: "dropped", replace: "replaced", pend: "pending",
}

// TruthOf returns how a transaction ends on the chain of c. It fails with an error that is [ErrConfig] or with a
// [*source.ParamsError].
func TruthOf(c Config, id string, params json.RawMessage) (Truth, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return Truth{}, err
	}
	spec, err := parseParams(c, plainSpec(c), params)
	if err != nil {
		return Truth{}, err
	}
	o := &seeded{config: c, chain: newChain(c)}
	tx := &transaction{key: keyOf(c.Seed, id), spec: spec}
	t := Truth{fate: o.fate(tx), policy: &spec.policy}
	t.Status = ends[t.fate.outcome]
	if t.fate.outcome == replace {
		t.By, t.Replacement = o.replacement(tx)
	}
	if included := t.fate.gone == never && t.fate.outcome != pend; included && spec.at != 0 {
		t.Block = t.end()
	}
	return t, nil
}

// FinalAt returns the height that a head must reach to make an inclusion at the height final: the latest head, or
// the one that is so high that the safe or finalized one is there.
func (t Truth) FinalAt(height uint64) uint64 {
	behind := max(1, t.fate.chain.reorgDepth)
	switch t.policy.Finality {
	case source.Safe:
		return height + behind
	case source.Finalized:
		return height + 2*behind
	default:
		return height + t.policy.Confirmations - 1
	}
}

// end returns the first block in which the transaction stays until it is final.
func (t Truth) end() *source.BlockRef {
	at := place{kind: pending, block: block{height: t.fate.firstSlot(t.fate.at)}}
	for head := at.height; ; {
		s := t.fate.walk(at, head)
		if s.kind.inBlock() && (s.due == 0 || s.due > t.FinalAt(s.height)) {
			ref := t.fate.chain.ref(s.block)
			return &ref
		}
		at, head = s.place, s.due
	}
}

// Check returns nil if the transaction can truthfully end with the status in the block (nil: in none), else an error that is
// [ErrUntrue] and says what is wrong. A tracker that is stopped or runs out of time ends before the transaction does, so
// stopped and expired are true of every transaction.
func (t Truth) Check(status string, b *source.BlockRef) error {
	switch {
	case status == "stopped" || status == "expired":
		return nil
	case status != t.Status:
		return fmt.Errorf("%w: it ends %s, not %s", ErrUntrue, t.Status, status)
	case status == "dropped" && b != nil:
		return fmt.Errorf("%w: it ends in no block, not in block %d", ErrUntrue, b.Number)
	case status == "dropped":
		return nil
	case b == nil:
		return fmt.Errorf("%w: it ends in a block", ErrUntrue)
	}
	return t.checkBlock(b)
}

// checkBlock returns nil if the transaction, or the one in its place, can be in the block when that is final.
func (t Truth) checkBlock(ref *source.BlockRef) error {
	b, ok := t.fate.chain.named(ref.Number, ref.Hash)
	switch {
	case !ok:
		return fmt.Errorf("%w: there is no block %d %s", ErrUntrue, ref.Number, ref.Hash)
	case !t.fate.isSlot(b.height) || b.height < t.fate.at:
		return fmt.Errorf("%w: it is never in a block of height %d", ErrUntrue, b.height)
	}
	for v := range b.version {
		if !t.fate.keeps(b.height, t.fate.chain.rewrite(b.height, v+1)) {
			return fmt.Errorf("%w: it is not in block %d %s, which took the place of one that it was in", ErrUntrue, b.height, ref.Hash)
		}
	}
	if r := t.fate.chain.rewrite(b.height, b.version+1); r != 0 && r <= t.FinalAt(b.height) {
		return fmt.Errorf("%w: block %d %s is taken back at height %d, before it is final", ErrUntrue, b.height, ref.Hash, r)
	}
	return nil
}
