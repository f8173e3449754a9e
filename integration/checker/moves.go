package checker

import "slices"

// Moves is what a span of claims did to the partitions.
type Moves struct {
	Total int
	Twice map[int]int // partitions that changed hands more than once, and how often
}

// Follow counts the changes of hands in claims, which are in stream order, and brings owners, the worker of each partition, up to date.
// A release changes nothing until somebody claims.
func Follow(owners map[int]string, claims []Claim) Moves {
	m := Moves{Twice: make(map[int]int)}
	times := make(map[int]int)
	for _, c := range claims {
		if c.Released || owners[c.Partition] == c.Worker {
			continue
		}
		owners[c.Partition] = c.Worker
		m.Total++
		if times[c.Partition]++; times[c.Partition] > 1 {
			m.Twice[c.Partition] = times[c.Partition]
		}
	}
	return m
}

// LeastMoves returns how many partitions must change hands until workers share all of them to within one: each must get what it
// lacks, and the shares that are larger by one fall to those that own the most.
func LeastMoves(owners map[int]string, workers []string) (least int) {
	owned := make(map[string]int)
	for _, w := range owners {
		owned[w]++
	}
	has := make([]int, len(workers))
	for i, w := range workers {
		has[i] = owned[w]
	}
	slices.SortFunc(has, func(a, b int) int { return b - a })
	for i, n := range has {
		share := partitions / len(workers)
		if i < partitions%len(workers) {
			share++
		}
		least += max(0, share-n)
	}
	return least
}
