package simulated

import "math/bits"

// outcome is how a transaction ends.
type outcome uint8

const (
	drawn   outcome = iota // by the seed
	confirm                // included and succeeded
	revert                 // included and failed
	drop                   // forgotten
	replace                // another one with the same nonce is included
	reorg                  // as confirm, but its first block is taken back
	pend                   // known for ever and never included
)

// names of outcomes in params.
var outcomes = map[string]outcome{"confirm": confirm, "revert": revert, "drop": drop, "replace": replace, "reorg": reorg, "pending": pend}

// fate is what is bound to happen to one transaction. It is a function of the seed, the ID and the params.
type fate struct {
	chain   chain
	key     key
	outcome outcome
	gone    leave
	by      string // kind of replacement
	period  uint64 // blocks from slot to slot
	shift   uint64
	at      uint64 // the first slot, when the params fix it; else 0
	unseen  uint64 // blocks after any slot in which a new transaction is not known yet
	taken   bool   // its first block is one that will be taken back
}

// leave is when a transaction that is dropped goes.
type leave uint8

const (
	never     leave = iota
	always          // nobody ever knew it
	atSlot          // when it would have been included
	withBlock       // its block is taken back and it is not in the new branch
)

// search bounds how many slots are tried to find one whose block will be taken back.
const search = 4096

var replacements = [...]string{"speedup", "cancel", "other"}

// fateOf returns the fate of a transaction.
func fateOf(c Config, ch chain, k key, p *spec) fate {
	f := fate{chain: ch, key: k, outcome: p.outcome, by: p.replacement, period: c.Wait, at: p.at}
	if p.after != 0 {
		f.period = p.after
	}
	if f.outcome == drawn {
		f.outcome = drawOutcomeOf(c, k)
	}
	if f.by == "" {
		f.by = replacements[k.draw(drawVariant, uint64(replace))%uint64(len(replacements))]
	}
	if f.outcome == drop {
		f.gone = always + leave(k.draw(drawVariant, uint64(drop))%3)
		if f.gone == withBlock && (c.ReorgShare == 0 || !p.settles(c.MaxReorgDepth)) {
			f.gone = atSlot
		}
	}
	f.taken = f.outcome == reorg || f.gone == withBlock
	f.shift = k.draw(drawShift, 0) % f.period
	f.unseen = k.draw(drawUnseen, 0) % min(3, f.period)
	return f
}

func drawOutcomeOf(c Config, k key) outcome {
	x := k.share(drawOutcome, 0)
	for _, o := range []struct {
		outcome outcome
		share   float64
	}{{revert, c.RevertShare}, {drop, c.DropShare}, {replace, c.ReplaceShare}} {
		if x < o.share {
			return o.outcome
		}
		x -= o.share
	}
	return confirm
}

// isSlot reports whether the transaction can be included at the height.
func (f *fate) isSlot(height uint64) bool {
	return height%f.period == f.shift || f.at != 0 && height == f.at
}

// slot returns the first slot at the height or above.
func (f *fate) slot(height uint64) uint64 {
	next := height + (f.shift+f.period-height%f.period)%f.period
	if f.at >= height {
		next = min(next, f.at)
	}
	return next
}

// firstSlot returns the slot at the height or above in which the transaction is included first.
func (f *fate) firstSlot(height uint64) uint64 {
	if f.at != 0 {
		height = f.at
	}
	s := f.slot(height)
	for n := 0; f.taken && n < search && f.chain.rewrite(s, 1) == 0; n++ {
		s = f.slot(s + 1)
	}
	return s
}

// keeps reports whether the transaction is in the successor of its block when that is rewritten at r.
func (f *fate) keeps(height, r uint64) bool {
	return f.key.draw(drawWay, height^bits.ReverseBytes64(r))%2 == 0
}
