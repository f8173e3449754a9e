package sourcetest

import (
	"encoding/json"
	"testing"

	"trackerfleet/workers/source"
)

// Harness is an outside that the suite controls. Its steps return when the outside has done them, whether a source saw it
// or not, and end the test when they cannot be done. The suite calls them from one goroutine.
type Harness interface {
	// NewSource returns a source that follows this outside and does not run yet. Every call returns another one, as another
	// worker would have it: they share the outside and nothing else.
	NewSource(t testing.TB) source.Source

	// NewTransaction makes a transaction up that the outside does not know yet. In a block it fails if reverts, else succeeds.
	NewTransaction(t testing.TB, reverts bool) Transaction

	// Submit makes the transaction known to the outside, in no block.
	Submit(t testing.TB, tx Transaction)

	// Mine puts one block on top of the chain, with exactly these transactions in it, submitted before or not.
	Mine(t testing.TB, txs ...Transaction) source.BlockRef

	// Reorganise takes the last depth blocks back and puts one block for every element of branch in their place, with
	// exactly those transactions in it; branch is longer than depth. The new blocks have other hashes than the old ones. A
	// transaction that was taken back and is not in branch may be known to the outside afterwards or not.
	Reorganise(t testing.TB, depth int, branch ...[]Transaction) []source.BlockRef

	// SetOutage makes the outside unreachable for its sources, or reachable again. Blocks can be mined meanwhile.
	SetOutage(t testing.TB, on bool)

	// Many is how many transactions the suite may mine to see what does not depend on their number: 10,000, or fewer where
	// that takes too long.
	Many() int
}

// Transaction is what a start says of a transaction.
type Transaction struct {
	ID     string
	Params json.RawMessage
}
