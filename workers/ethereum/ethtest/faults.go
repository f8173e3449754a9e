package ethtest

import "time"

// Faults are the ways in which a [Server] can misbehave. The zero value is a good node.
type Faults struct {
	Bell        BellFaults    // of its websocket
	Lag         uint64        // it knows nothing of so many of the last blocks
	Ahead       uint64        // it says that its latest block is so many blocks higher than it is
	Null        bool          // it knows no transaction and no receipt
	NoReceipt   bool          // it knows no receipt
	HTTP429     bool          // it answers 429 to everything
	RPC429      bool          // the same as an error in a 200
	RetryAfter  time.Duration // said with a 429; 0: nothing is said
	BatchCap    int           // larger batches are refused by one error object; 0: none are
	CapInArray  bool          // the refusal is in an array of one, as geth's
	RefuseTags  bool          // safe and finalized are unknown words
	NoTags      bool          // safe and finalized are null
	NoBlockRcpt bool          // there is no eth_getBlockReceipts
	EmptyRcpts  bool          // eth_getBlockReceipts gives an empty list
	OtherRcpts  bool          // every receipt is of another block than it should be
	StaleRcpts  bool          // reorganised transactions and their receipts are still in the old block
	OtherTx     bool          // every receipt and transaction is another one's
	SideBlocks  bool          // heights, and transactions' blocks, are those of the oldest branch, except for the latest one
	HalfBatch   bool          // the second half of a batch is left unanswered
	Shuffle     bool          // answers come in another order
	Garbage     bool          // what comes is no JSON
	Truncated   bool          // it ends in the middle
	Huge        int           // it is larger than so many bytes; 0: as large as it should be
	Hang        bool          // nothing comes
	Drop        bool          // connections are closed
	ChainID     uint64        // another chain's ID; 0: its own
	Indexing    bool          // transactions and receipts cannot be asked for yet
	Unavailable bool          // 503
	States      uint64        // it knows accounts at so many of the last blocks only; 0: at all
	NoStates    bool          // it knows accounts at no block but the last
	NoFrom      bool          // transactions don't say who sent them
}
