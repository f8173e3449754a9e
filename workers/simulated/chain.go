package simulated

import (
	"fmt"
	"math"
	"time"

	"trackerfleet/workers/source"
)

// chain is a chain as a function of a seed and a height. It is pure and holds nothing but its figures.
//
// When its head reaches height r, the chain may take back the blocks r-d to r-1. Rewriting a block changes its version, and
// with it its hash. Blocks are named by height and version.
type chain struct {
	blocks     key
	genesis    time.Time
	blockTime  time.Duration
	txPerBlock uint64
	reorgShare float64
	reorgDepth uint64
}

// block names a block: version counts how often its height was rewritten.
type block struct {
	height  uint64
	version uint32
}

func newChain(c Config) chain {
	return chain{
		blocks: keyOf(c.Seed, "blocks"), genesis: c.Genesis, blockTime: c.BlockTime, txPerBlock: c.TxPerBlock,
		reorgShare: c.ReorgShare, reorgDepth: c.MaxReorgDepth,
	}
}

// heightAt returns the height of the head at a time; 0 before the first block.
func (c chain) heightAt(t time.Time) uint64 { return uint64(max(0, t.Sub(c.genesis)/c.blockTime)) }

// timeOf returns when the block at the height is made, at most 292 years after the genesis.
func (c chain) timeOf(height uint64) time.Time {
	height = min(height, uint64(math.MaxInt64/c.blockTime))
	return c.genesis.Add(time.Duration(height) * c.blockTime).UTC()
}

// depthAt returns how many blocks are taken back when the head reaches the height; mostly 0.
func (c chain) depthAt(height uint64) uint64 {
	if c.reorgShare == 0 || c.blocks.share(drawReorg, height) >= c.reorgShare {
		return 0
	}
	return min(1+c.blocks.draw(drawDepth, height)%c.reorgDepth, height-1)
}

// rewrite returns the height at which the block at height is rewritten for the n-th time, counted from 1; 0 if it never is.
func (c chain) rewrite(height uint64, n uint32) uint64 {
	for r := height + 1; c.reorgShare > 0 && r <= height+c.reorgDepth; r++ {
		if c.depthAt(r) >= r-height {
			if n--; n == 0 {
				return r
			}
		}
	}
	return 0
}

// canonical returns the block at height as the chain has it when its head is at head.
func (c chain) canonical(height, head uint64) block {
	b := block{height: height}
	for r := c.rewrite(height, 1); r != 0 && r <= head; r = c.rewrite(height, b.version+1) {
		b.version++
	}
	return b
}

// named returns the block with the height and hash; false if the chain never has such a block.
func (c chain) named(height uint64, hash string) (block, bool) {
	for b := (block{height: height}); ; b.version++ {
		if c.hash(b) == hash {
			return b, true
		}
		if c.rewrite(height, b.version+1) == 0 {
			return block{}, false
		}
	}
}

// hash returns the hash of a block.
func (c chain) hash(b block) string {
	n := mix(b.height) + uint64(b.version)
	words := [4]uint64{}
	for i := range words {
		words[i] = c.blocks.draw(drawHash, n+mix(uint64(i)))
	}
	return fmt.Sprintf("0x%016x%016x%016x%016x", words[0], words[1], words[2], words[3])
}

// ref returns what the contract says of a block.
func (c chain) ref(b block) source.BlockRef {
	return source.BlockRef{Number: b.height, Hash: c.hash(b), Time: c.timeOf(b.height)}
}

// safe returns the height below which nothing is rewritten any more, finalized one that is as far again below.
func (c chain) safe(head uint64) uint64      { return head - min(head, max(1, c.reorgDepth)) }
func (c chain) finalized(head uint64) uint64 { return c.safe(c.safe(head)) }
