package node

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

const (
	// Chain is the chain's CAIP-2 name, the one that nodes for development have.
	Chain   = "eip155:" + chainID
	chainID = "1337"

	// past is how many blocks there are at the beginning: more than anybody looks back.
	past = 1000
	// safeDepth and finalizedDepth are how many blocks the safe and the finalized head are below the latest one: an epoch each, as when
	// all is well on the main chain.
	safeDepth, finalizedDepth = 32, 64
)

// chain is empty blocks, made by the clock alone.
type chain struct {
	genesis   time.Time
	blockTime time.Duration
}

// newChain returns a chain that makes a block every blockTime, and the next one in so much time.
func newChain(now time.Time, blockTime time.Duration) chain {
	return chain{genesis: now.Add(-past * blockTime), blockTime: blockTime}
}

// head returns the height of the latest block.
func (c chain) head(now time.Time) uint64 { return uint64(now.Sub(c.genesis) / c.blockTime) }

// block is as much of a block as is read by who follows the chain.
type block struct {
	Number       string   `json:"number"`
	Hash         string   `json:"hash"`
	Parent       string   `json:"parentHash"`
	Time         string   `json:"timestamp"` // in seconds
	Transactions []string `json:"transactions"`
}

// block returns the block at a height.
func (c chain) block(height uint64) *block {
	b := &block{Number: quantity(height), Hash: blockHash(height), Parent: noHash, Transactions: []string{}}
	if height > 0 {
		b.Parent = blockHash(height - 1)
	}
	b.Time = quantity(uint64(c.genesis.Add(time.Duration(height) * c.blockTime).Unix()))
	return b
}

// noHash is the parent of block 0.
const noHash = "0x0000000000000000000000000000000000000000000000000000000000000000"

func blockHash(height uint64) string {
	sum := sha256.Sum256(strconv.AppendUint([]byte("block "), height, 10))
	return "0x" + hex.EncodeToString(sum[:])
}

// quantity writes a number as JSON-RPC of Ethereum has it.
func quantity(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }
