package ethtest

import (
	"crypto/rand"
	"math/big"
)

// The curve of Ethereum's signatures (SEC 2, 2.4.1), in affine coordinates and variable time: for made-up keys only.
var (
	curveP = hexInt("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
	curveN = hexInt("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	curveG = &point{
		hexInt("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		hexInt("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
	}
)

func hexInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("ethtest: " + s)
	}
	return n
}

// point is a point of the curve; nil is the one at infinity.
type point struct{ x, y *big.Int }

func (a *point) add(b *point) *point {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	slope := new(big.Int)
	if a.x.Cmp(b.x) == 0 {
		if a.y.Cmp(b.y) != 0 {
			return nil
		}
		slope.Mul(big.NewInt(3), new(big.Int).Mul(a.x, a.x))
		slope.Mul(slope, new(big.Int).ModInverse(new(big.Int).Lsh(a.y, 1), curveP))
	} else {
		slope.Sub(b.y, a.y)
		run := new(big.Int).Sub(b.x, a.x)
		slope.Mul(slope, run.ModInverse(run.Mod(run, curveP), curveP))
	}
	x := new(big.Int).Mul(slope, slope)
	x.Sub(x, a.x).Sub(x, b.x).Mod(x, curveP)
	y := new(big.Int).Sub(a.x, x)
	y.Mul(y, slope).Sub(y, a.y).Mod(y, curveP)
	return &point{x, y}
}

func (a *point) times(k *big.Int) *point {
	var sum *point
	for i := k.BitLen() - 1; i >= 0; i-- {
		sum = sum.add(sum)
		if k.Bit(i) == 1 {
			sum = sum.add(a)
		}
	}
	return sum
}

// sign returns the signature of a digest, with the low s that Ethereum wants (EIP-2), and the parity of R's y.
func sign(key *big.Int, digest []byte) (r, s *big.Int, parity uint64) {
	for {
		k, err := rand.Int(rand.Reader, curveN)
		if err != nil {
			panic(err)
		}
		if k.Sign() == 0 {
			continue
		}
		point := curveG.times(k)
		r = new(big.Int).Mod(point.x, curveN)
		s = new(big.Int).Mul(r, key)
		s.Add(s, new(big.Int).SetBytes(digest)).Mul(s, k.ModInverse(k, curveN)).Mod(s, curveN)
		if r.Cmp(point.x) != 0 || r.Sign() == 0 || s.Sign() == 0 {
			continue
		}
		parity = uint64(point.y.Bit(0))
		if s.Cmp(new(big.Int).Rsh(curveN, 1)) > 0 {
			s.Sub(curveN, s)
			parity ^= 1
		}
		return r, s, parity
	}
}
