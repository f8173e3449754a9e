package simulated

import (
	"strconv"
	"time"

	"trackerfleet/workers/source"
)

// outside is what a source follows. It changes in rounds; what it answers depends on the round and on nothing else.
type outside interface {
	// round returns the round at a time, and how long it lasts from then on.
	round(now time.Time) (n uint64, left time.Duration)

	// began returns when a round begins; zero if unknown.
	began(round uint64) time.Time

	// heads returns the heads in a round.
	heads(round uint64) heads

	// enter returns where a transaction was when it was last observed, and the round before which that cannot be judged.
	enter(tx *transaction, h source.Hint, round uint64) (was place, notBefore uint64)

	// walk returns where a transaction is in a round, if it was at was in one before.
	walk(tx *transaction, was place, round uint64) sight

	// inclusion returns what is known of a transaction at a place that is a block.
	inclusion(tx *transaction, p place) *source.Inclusion

	// replacement returns the other transaction, and its kind, at a place where this one's nonce is taken.
	replacement(tx *transaction) (by, kind string)

	// details returns what a transaction says of itself.
	details(tx *transaction) *source.PendingDetails
}

// heads are the heads of a chain.
type heads struct {
	latest, safe, finalized uint64
	hash                    string // of the latest
}

// of returns the height of the head of a kind.
func (h heads) of(kind source.Finality) uint64 {
	switch kind {
	case source.Safe:
		return h.safe
	case source.Finalized:
		return h.finalized
	default:
		return h.latest
	}
}

// seeded is the outside that a seed makes: a round is a height.
type seeded struct {
	config Config
	chain  chain
}

func (o *seeded) round(now time.Time) (uint64, time.Duration) {
	height := o.chain.heightAt(now)
	left := max(0, o.chain.timeOf(height+1).Sub(now))
	return max(1, height-min(height, o.config.Lag)), left
}

func (o *seeded) began(round uint64) time.Time { return o.chain.timeOf(round + o.config.Lag) }

func (o *seeded) heads(round uint64) heads {
	return heads{
		latest: round, safe: o.chain.safe(round), finalized: o.chain.finalized(round),
		hash: o.chain.hash(block{height: round}),
	}
}

func (o *seeded) fate(tx *transaction) fate { return fateOf(o.config, o.chain, tx.key, tx.spec) }

func (o *seeded) enter(tx *transaction, h source.Hint, round uint64) (place, uint64) {
	f := o.fate(tx)
	was := f.enter(h, round)
	if !was.kind.inBlock() {
		return was, 0
	}
	if was.version == 0 {
		return was, was.height
	}
	return was, o.chain.rewrite(was.height, was.version)
}

func (o *seeded) walk(tx *transaction, was place, round uint64) sight {
	f := o.fate(tx)
	return f.walk(was, round)
}

func (o *seeded) inclusion(tx *transaction, p place) *source.Inclusion {
	f := o.fate(tx)
	gas := 21000 + tx.key.draw(drawDetails, 0)%200000
	i := &source.Inclusion{
		Block: o.chain.ref(p.block), Index: tx.key.draw(drawPlace, p.height+uint64(p.version)<<48) % o.config.TxPerBlock,
		Success: f.outcome != revert, GasUsed: strconv.FormatUint(gas, 10), FeePaid: strconv.FormatUint(gas*1e9, 10),
	}
	if !i.Success {
		i.Reason = "execution reverted"
	}
	return i
}

func (o *seeded) replacement(tx *transaction) (by, kind string) {
	return o.chain.hash(block{height: uint64(tx.key)}), o.fate(tx).by
}

func (o *seeded) details(tx *transaction) *source.PendingDetails {
	return detailsOf(tx)
}

// detailsOf returns details that a key makes up.
func detailsOf(tx *transaction) *source.PendingDetails {
	account := func(n uint64) string { return "0x" + strconv.FormatUint(1<<63|tx.key.draw(drawDetails, n)>>1, 16) }
	return &source.PendingDetails{
		Nonce: strconv.FormatUint(tx.key.draw(drawDetails, 1)%10000, 10), From: account(2), To: account(3),
		Value: strconv.FormatUint(tx.key.draw(drawDetails, 4), 10), Fees: map[string]string{"gas_price": "1000000000"},
	}
}
