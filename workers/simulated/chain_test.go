package simulated

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// At every head, the canonical chain is one: what is rewritten at a head was canonical before, everything above it is
// rewritten too, and no two blocks share a hash.
func TestChainIsOneAtEveryHead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Seed:          rapid.Uint64().Draw(t, "seed"),
			ReorgShare:    rapid.Float64Range(0, maxReorgShare).Draw(t, "share"),
			MaxReorgDepth: rapid.Uint64Range(1, 8).Draw(t, "depth"),
		}.withDefaults()
		chain, first := newChain(c), rapid.Uint64Range(2, 1<<40).Draw(t, "head")
		hashes := map[string]block{}
		for head := first; head < first+20; head++ {
			depth := chain.depthAt(head)
			if depth > c.MaxReorgDepth || depth >= head {
				t.Fatalf("head %d takes %d blocks back", head, depth)
			}
			for h := head - min(head-1, 20); h < head; h++ {
				before, now := chain.canonical(h, head-1), chain.canonical(h, head)
				if rewritten := now.version == before.version+1; rewritten != (h >= head-depth) || !rewritten && now != before {
					t.Fatalf("head %d, depth %d: block %v becomes %v", head, depth, before, now)
				}
				hash := chain.hash(now)
				if twin, ok := hashes[hash]; ok && twin != now {
					t.Fatalf("blocks %v and %v share a hash", twin, now)
				}
				hashes[hash] = now
				if b, ok := chain.named(h, hash); !ok || b != now {
					t.Fatalf("block %v is named %v, %v", now, b, ok)
				}
				if h+c.MaxReorgDepth <= head && chain.rewrite(h, now.version+1) != 0 {
					t.Fatalf("block %v is rewritten below depth %d", now, c.MaxReorgDepth)
				}
			}
			if safe := chain.safe(head); chain.rewrite(safe, chain.canonical(safe, head).version+1) != 0 {
				t.Fatalf("the safe block %d at head %d is rewritten", safe, head)
			}
		}
	})
}

func TestHeightFollowsTheClock(t *testing.T) {
	c := newChain(Config{BlockTime: 250 * time.Millisecond}.withDefaults())
	for _, tt := range []struct {
		at   time.Time
		want uint64
	}{
		{time.Unix(-5, 0), 0},
		{time.Unix(0, 0), 0},
		{time.Unix(1, 0), 4},
		{time.Unix(1, 249e6), 4},
		{time.Unix(1, 250e6), 5},
	} {
		if got := c.heightAt(tt.at); got != tt.want {
			t.Errorf("height at %v is %d, want %d", tt.at, got, tt.want)
		}
	}
	if got := c.timeOf(4); !got.Equal(time.Unix(1, 0)) {
		t.Errorf("block 4 is made at %v", got)
	}
	if got := c.timeOf(1 << 62); got.Before(time.Unix(0, 0)) {
		t.Errorf("a block far away is made at %v", got)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	_, err := New(Config{
		RevertShare: -1, DropShare: 2, NullShare: 1.5, ReorgShare: 0.9, BlockTime: 1, MaxReorgDepth: 99, Endpoints: 1000, DropAfter: 1,
		Wait: 1 << 60, OutageEvery: time.Second, OutageFor: time.Minute,
	})
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("error %v, want ErrConfig", err)
	}
	for _, field := range []string{
		"revert_share", "drop_share", "null_share", "reorg_share", "block_time", "max_reorg_depth", "endpoints",
		"drop_after", "wait", "outage_for",
	} {
		if !strings.Contains(err.Error(), field+": ") {
			t.Errorf("the error does not name %s: %v", field, err)
		}
	}
	for _, c := range []Config{{}, Lively(0), stormy(1)} {
		if _, err := New(c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
