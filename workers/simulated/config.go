package simulated

import (
	"errors"
	"fmt"
	"time"
)

// Config describes a chain. The zero value is a calm one: a block a second, everything confirms, nothing is taken back.
// Workers that are to follow the same chain need the same Config. What is zero and
// has a default is as [Defaults] has it.
type Config struct {
	Seed       uint64        `koanf:"seed" doc:"number that everything on the chain is drawn from"`
	Genesis    time.Time     `koanf:"genesis" doc:"time of block 0"`
	BlockTime  time.Duration `koanf:"block_time" doc:"time between two blocks, at least 1ms"`
	TxPerBlock uint64        `koanf:"tx_per_block" doc:"bounds the index in a block, in transactions"`
	Wait       uint64        `koanf:"wait" doc:"blocks that a transaction waits at most to be included"`

	RevertShare   float64 `koanf:"revert_share" doc:"share of transactions, 0 to 1: included, but failed"`
	DropShare     float64 `koanf:"drop_share" doc:"share of transactions, 0 to 1: forgotten"`
	ReplaceShare  float64 `koanf:"replace_share" doc:"share of transactions, 0 to 1: another one with the same nonce is included"`
	ReorgShare    float64 `koanf:"reorg_share" doc:"share of heights, 0 to 0.5: they take blocks back"`
	MaxReorgDepth uint64  `koanf:"max_reorg_depth" doc:"blocks taken back at once, at most 32"`

	NullShare float64 `koanf:"null_share" doc:"share of look-ups of a pending transaction, 0 to 1: answered with unknown"`
	Endpoints int     `koanf:"endpoints" doc:"endpoints that answer look-ups in turn"`
	Lag       uint64  `koanf:"lag" doc:"blocks by which this worker's view is behind"`

	OutageEvery time.Duration `koanf:"outage_every" doc:"an outage begins so often since genesis; 0s: never"`
	OutageFor   time.Duration `koanf:"outage_for" doc:"how long an outage lasts"`

	Confirmations uint64 `koanf:"confirmations" doc:"blocks needed by starts that say nothing of it, the including one counted"`
	DropAfter     uint64 `koanf:"drop_after" doc:"blocks without a sign before a transaction is dropped, where its start says nothing of it"`

	// Now is the date that the chain has; nil: the wall clock's at the beginning, carried on by the monotonic clock. So the chain goes on
	// as before when somebody sets the clock of the machine, and stands still while the machine sleeps.
	Now func() time.Time `koanf:"-"`
}

// Defaults returns the config that sets nothing, its clock left to the source.
func Defaults() Config {
	c := Config{}.withDefaults()
	c.Now = nil
	return c
}

// Lively returns a chain on which everything happens that trackers are for.
func Lively(seed uint64) Config {
	c := Defaults()
	c.Seed, c.RevertShare, c.DropShare, c.ReplaceShare, c.ReorgShare, c.NullShare = seed, 0.1, 0.05, 0.05, 0.08, 0.02
	return c
}

// bounds of a configuration.
const (
	maxReorgDepth = 32
	maxReorgShare = 0.5     // so that blocks last and every transaction ends
	maxBlocks     = 1 << 48 // of any number of blocks
)

func (c Config) withDefaults() Config {
	if c.Genesis.IsZero() {
		c.Genesis = time.Unix(0, 0).UTC()
	}
	if c.Now == nil {
		began := time.Now()
		c.Now = func() time.Time { return began.Add(time.Since(began)) }
	}
	orDefault(&c.BlockTime, time.Second)
	orDefault(&c.TxPerBlock, 100)
	orDefault(&c.Wait, 3)
	orDefault(&c.MaxReorgDepth, 3)
	orDefault(&c.Endpoints, 2)
	orDefault(&c.Confirmations, 6)
	orDefault(&c.DropAfter, 16)
	return c
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// validate returns every fault of a configuration with defaults; each is an [ErrConfig].
func (c Config) validate() error {
	var faults []error
	check := func(ok bool, field, format string, a ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: %s: %s", ErrConfig, field, fmt.Sprintf(format, a...)))
		}
	}
	for _, share := range []struct {
		field string
		value float64
	}{
		{"revert_share", c.RevertShare},
		{"drop_share", c.DropShare},
		{"replace_share", c.ReplaceShare},
		{"reorg_share", c.ReorgShare},
		{"null_share", c.NullShare},
	} {
		check(share.value >= 0 && share.value <= 1, share.field, "is %v, must be between 0 and 1", share.value)
	}
	check(!(c.ReorgShare > maxReorgShare), "reorg_share", "is %v, at most %v is possible", c.ReorgShare, maxReorgShare)
	sum := c.RevertShare + c.DropShare + c.ReplaceShare
	check(!(sum > 1), "revert_share", "with drop_share and replace_share it is %v, more than 1", sum)
	check(c.BlockTime >= time.Millisecond, "block_time", "is %v, must be at least 1ms", c.BlockTime)
	check(c.MaxReorgDepth <= maxReorgDepth, "max_reorg_depth", "is %d, at most %d are possible", c.MaxReorgDepth, maxReorgDepth)
	check(c.Endpoints >= 1 && c.Endpoints <= 100, "endpoints", "is %d, must be between 1 and 100", c.Endpoints)
	check(c.DropAfter >= minDropAfter, "drop_after", "is %d, must be at least %d", c.DropAfter, minDropAfter)
	for _, n := range []struct {
		field string
		value uint64
	}{
		{"wait", c.Wait},
		{"lag", c.Lag},
		{"confirmations", c.Confirmations},
		{"drop_after", c.DropAfter},
		{"tx_per_block", c.TxPerBlock},
	} {
		check(n.value <= maxBlocks, n.field, "is %d, at most %d are possible", n.value, uint64(maxBlocks))
	}
	check(c.OutageEvery >= 0 && c.OutageFor >= 0, "outage_every", "is %v for %v, must not be negative", c.OutageEvery, c.OutageFor)
	check(c.OutageEvery == 0 || c.OutageFor < c.OutageEvery, "outage_for", "is %v, must be shorter than outage_every", c.OutageFor)
	return errors.Join(faults...)
}
