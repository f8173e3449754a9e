package ethtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
)

// Tx is a made-up transaction. From and Nonce are its slot: of all transactions of one slot, one can be in the chain.
type Tx struct {
	Hash    string
	From    string
	Nonce   uint64
	To      string
	Value   string // hexadecimal
	Input   string
	Reverts bool

	raw     string // signed, for a real node
	account *account
	bumps   int // how often the fees were raised
}

// Block is a made-up block.
type Block struct {
	Number uint64
	Hash   string
	Parent string
	Time   uint64 // seconds since 1970
	Txs    []Tx
}

// genesisTime is when the first block was made.
const genesisTime = 1_700_000_000

// chain is a chain that does what it is told. The Server's lock guards it.
type chain struct {
	made      int // blocks and transactions so far, so that no two have the same hash
	canonical []*Block
	heights   []*Block             // the first block ever made of each height
	byHash    map[string]*Block    // side branches too
	pool      map[string]Tx        // known, in no canonical block
	seats     map[string][]*Block  // every block a transaction was ever in, oldest first
	listeners map[chan *Block]bool // are sent every new block
	accounts  map[string][]Tx      // all transactions ever made up, by sender
}

func newChain() *chain {
	c := &chain{
		byHash: map[string]*Block{}, pool: map[string]Tx{}, seats: map[string][]*Block{}, accounts: map[string][]Tx{},
		listeners: map[chan *Block]bool{},
	}
	c.put(nil)
	return c
}

func (c *chain) hash(kind string) string {
	c.made++
	sum := sha256.Sum256([]byte(fmt.Sprint(kind, c.made)))
	return "0x" + hex.EncodeToString(sum[:])
}

func (c *chain) newTx(reverts bool) Tx {
	h := c.hash("tx")
	return c.known(Tx{
		Hash: h, From: h[:42], Nonce: uint64(c.made), To: nobody, Value: "0xde0b6b3a7640000", Input: "0x", Reverts: reverts,
	})
}

// known notes a transaction among those of its account.
func (c *chain) known(tx Tx) Tx {
	c.accounts[tx.From] = append(c.accounts[tx.From], tx)
	return tx
}

// replacement makes another transaction of the same slot up.
func (c *chain) replacement(tx Tx, kind string) Tx {
	tx = tx.turned(kind)
	tx.Hash = c.hash("tx")
	return c.known(tx)
}

// offer puts a transaction into the pool, in place of one of the same slot.
func (c *chain) offer(tx Tx) {
	c.evict(tx)
	c.pool[tx.Hash] = tx
}

// evict takes every transaction of the slot out of the pool.
func (c *chain) evict(tx Tx) {
	for _, other := range c.accounts[tx.From] {
		if other.Nonce == tx.Nonce {
			delete(c.pool, other.Hash)
		}
	}
}

// count returns how many nonces of an account are used up at a height: its next nonce.
func (c *chain) count(from string, height uint64) uint64 {
	next := uint64(0)
	for i, tx := range c.accounts[from] {
		if i == 0 {
			next = tx.Nonce
		}
		if b, _ := c.seat(tx.Hash, height); b != nil {
			next = max(next, tx.Nonce+1)
		}
	}
	return next
}

func (c *chain) head() *Block { return c.canonical[len(c.canonical)-1] }

func (c *chain) put(txs []Tx) *Block {
	b := &Block{Number: uint64(len(c.canonical)), Hash: c.hash("block"), Parent: "0x" + fmt.Sprintf("%064x", 0), Txs: txs}
	if b.Number > 0 {
		b.Parent = c.head().Hash
	}
	b.Time = genesisTime + 12*b.Number
	c.canonical = append(c.canonical, b)
	if int(b.Number) == len(c.heights) {
		c.heights = append(c.heights, b)
	}
	c.byHash[b.Hash] = b
	for _, tx := range txs {
		c.evict(tx)
		c.seats[tx.Hash] = append(c.seats[tx.Hash], b)
	}
	for l := range c.listeners {
		select {
		case l <- b:
		default: // too slow
		}
	}
	return b
}

func (c *chain) reorg(depth int, branch [][]Tx) []Block {
	keep := len(c.canonical) - depth
	for _, b := range c.canonical[keep:] {
		for _, tx := range b.Txs {
			c.offer(tx)
		}
	}
	c.canonical = c.canonical[:keep:keep]
	var blocks []Block
	for _, txs := range branch {
		blocks = append(blocks, *c.put(txs))
	}
	return blocks
}

// at returns the canonical block of a height, nil above the limit.
func (c *chain) at(n, limit uint64) *Block {
	if n > limit || n >= uint64(len(c.canonical)) {
		return nil
	}
	return c.canonical[n]
}

// seat returns the canonical block of a transaction up to a height, and its index there.
func (c *chain) seat(hash string, limit uint64) (*Block, int) {
	for _, b := range c.seats[hash] {
		if c.at(b.Number, limit) != b {
			continue
		}
		for i, tx := range b.Txs {
			if tx.Hash == hash {
				return b, i
			}
		}
	}
	return nil, 0
}

// firstSeat returns the first block that a transaction was ever in, canonical or not, and its index there.
func (c *chain) firstSeat(hash string) (*Block, int) {
	if len(c.seats[hash]) == 0 {
		return nil, 0
	}
	b := c.seats[hash][0]
	return b, slices.IndexFunc(b.Txs, func(tx Tx) bool { return tx.Hash == hash })
}

// oldest returns the first block ever made of a height.
func (c *chain) oldest(number uint64) *Block {
	if number >= uint64(len(c.heights)) {
		return nil
	}
	return c.heights[number]
}

func hexNumber(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }
