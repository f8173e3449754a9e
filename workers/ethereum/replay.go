package ethereum

import "slices"

// callsPerLookup is what a look-up costs: the transaction, and the receipt if it is in a block.
const callsPerLookup = 2

// replayFrom returns the height after which blocks are to be read so that the calls are fewest: every block is one call, and
// every watch whose record knows less than what is read is looked up instead. At least atLeast blocks are read. sinces are
// the heights up to which the records know everything; it is sorted in place.
func replayFrom(latest, atLeast uint64, sinces []uint64) uint64 {
	best := latest - min(atLeast, latest)
	slices.Sort(sinces)
	older, _ := slices.BinarySearch(sinces, best)
	cost := func(from uint64, lookups int) uint64 { return latest - from + callsPerLookup*uint64(lookups) }
	lowest := cost(best, older)
	for i, since := range sinces[:older] {
		if c := cost(since, i); c < lowest {
			best, lowest = since, c
		}
	}
	return best
}
