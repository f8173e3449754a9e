package simulated

import "hash/fnv"

// key is what draws are made from: the same key, purpose and number give the same draw in every process.
type key uint64

// purpose keeps draws for different things apart.
type purpose uint64

const (
	drawReorg purpose = iota + 1
	drawDepth
	drawHash
	drawOutcome
	drawVariant
	drawShift
	drawUnseen
	drawWay
	drawNull
	drawPlace
	drawDetails
)

// keyOf returns the key of a name under a seed.
func keyOf(seed uint64, name string) key {
	h := fnv.New64a()
	h.Write([]byte(name))
	return key(mix(h.Sum64() ^ mix(seed)))
}

// draw returns 64 bits for the n-th thing of a purpose.
func (k key) draw(p purpose, n uint64) uint64 { return mix(uint64(k) ^ mix(n^uint64(p)<<56)) }

// share returns a draw in [0, 1).
func (k key) share(p purpose, n uint64) float64 { return float64(k.draw(p, n)>>11) / (1 << 53) }

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
