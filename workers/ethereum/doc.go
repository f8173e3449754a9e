// Package ethereum follows transactions of an Ethereum chain over JSON-RPC.
//
// One head follower per chain does all the asking, whatever the number of transactions watched:
//
//   - Every new block is read, and held against the window: the last 128 blocks. Watched transactions are found in it by an
//     index of hashes. Only for those found are receipts fetched, and a receipt counts only
//     if it is of the very block that the window holds.
//   - Blocks are read in full only while the sender and nonce of some watched transaction are known: from its start, or from a
//     node that knew it pending. Another transaction with the same ones is found by them. What took a nonce in blocks that
//     were not read, before the watch began or while nobody followed, is found by asking accounts for their nonces: once for
//     each watch, beside its look-up, and then by halving the heights that full nodes have states of. Beyond those a nonce is
//     used up for good when it was at the head that the watch's policy calls final.
//   - A block whose parent is not the window's is the end of another branch. It is walked back by hash to where it leaves ours,
//     and read as a whole before anybody is told anything. A branch that leaves ours below the window cannot be followed: then
//     everything known to be in a block is looked up again.
//   - Heights that trackers wait for are kept in a heap, per kind of head. There is no timer and no goroutine per watch.
//   - Look-ups are for what blocks cannot tell: whether a transaction is known at all, and what happened before the window. They
//     are batched, the asked-for first; transactions in no block are swept oldest first with a bound per poll.
//
// What a node says is believed only as far as it can be held against something: that a transaction is unknown, only if the
// node is as far as the blocks that were followed; that one left its block, only if that block is known not to be canonical;
// that the chain is another, only after the node confirmed its chain ID. Whatever else it says shows in Health and decides
// nothing.
//
// The decisions (window, replay, dues, tags, book) do no I/O and read no clock. Around them Run is the only goroutine: it alone
// changes the window, and alone asks. One lock guards the book, and is never held while asking.
package ethereum
