package ethereum

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trackerfleet/workers/source"
)

func h(n int) Hash {
	var hash Hash
	copy(hash[:], fmt.Sprintf("%032d", n))
	return hash
}

// stretch returns blocks of the heights from to to on a branch, each with one transaction.
func stretch(branchName, from, to int) []*block {
	var blocks []*block
	for n := from; n <= to; n++ {
		blocks = append(blocks, &block{
			number: uint64(n), hash: h(branchName*1000 + n), parent: h(branchName*1000 + n - 1), txs: []Hash{h(1_000_000 + branchName*1000 + n)},
		})
	}
	return blocks
}

func filled(size, from, to int) *window {
	w := newWindow(size)
	for _, b := range stretch(1, from, to) {
		w.push(b)
	}
	return w
}

func TestDecide(t *testing.T) {
	if got := newWindow(4).decide(stretch(1, 5, 5)[0]); got != begin {
		t.Errorf("empty window: %d, want begin", got)
	}
	w := filled(4, 1, 10) // holds 7 to 10
	for _, test := range []struct {
		name   string
		branch int
		number int
		want   move
	}{
		{"the head", 1, 10, stay},
		{"one more", 1, 11, extend},
		{"more of another branch", 2, 12, extend},
		{"another at the same height", 2, 10, fork},
		{"ours, one less", 1, 9, behind},
		{"ours, the last known", 1, 7, behind},
		{"before the window", 1, 6, behind},
		{"another before the window", 2, 3, behind},
		{"another, shorter", 2, 8, shorter},
	} {
		if got := w.decide(stretch(test.branch, test.number, test.number)[0]); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestWindowForgetsWhatLeaves(t *testing.T) {
	w := filled(4, 1, 10)
	if w.tail() != 7 || w.at(6) != nil || w.at(11) != nil || w.at(7).number != 7 {
		t.Fatalf("tail %d", w.tail())
	}
	if w.find(h(1_001_006)) != nil || w.find(h(1_001_007)) == nil || len(w.where) != 4 {
		t.Errorf("%d transactions known, want 4", len(w.where))
	}
	w.truncate(8)
	both := stretch(2, 9, 9)[0]
	both.txs = []Hash{h(1_001_008)} // a node that says a transaction is in two blocks
	w.push(both)
	w.truncate(8)
	if w.head().number != 8 || w.find(h(1_001_009)) != nil {
		t.Errorf("head %d", w.head().number)
	}
	w.truncate(0)
	if !w.empty() || len(w.where) != 0 {
		t.Errorf("%d transactions known after all blocks left", len(w.where))
	}
}

func TestReplayFrom(t *testing.T) {
	for _, test := range []struct {
		name    string
		latest  uint64
		atLeast uint64
		sinces  []uint64
		want    uint64
	}{
		{"nobody", 1000, 32, nil, 968},
		{"a young chain", 10, 32, nil, 0},
		{"one far back is looked up", 1000, 32, []uint64{500}, 968},
		{"many far back are replayed", 1000, 32, slices.Repeat([]uint64{900}, 60), 900},
		{"one outlier is looked up", 1000, 32, append(slices.Repeat([]uint64{900}, 60), 10), 900},
		{"all covered anyway", 1000, 32, []uint64{999, 980, 970}, 968},
		{"very many are worth a long way", 100_000, 32, slices.Repeat([]uint64{1000}, 60_000), 1000},
		{"ahead of the node", 1000, 32, []uint64{1000}, 968},
	} {
		if got := replayFrom(test.latest, test.atLeast, test.sinces); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// The cheapest way is found whatever the records know: compared with trying them all.
func TestReplayFromIsCheapest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		latest := 200 + r.Uint64N(300)
		var sinces []uint64
		for range r.IntN(100) {
			sinces = append(sinces, 1+r.Uint64N(latest))
		}
		cost := func(from uint64) uint64 {
			c := latest - from
			for _, s := range sinces {
				if s < from {
					c += callsPerLookup
				}
			}
			return c
		}
		got := replayFrom(latest, 16, sinces)
		for from := uint64(0); from <= latest-16; from++ {
			if cost(from) < cost(got) {
				t.Fatalf("from %d costs %d, but from %d costs %d", got, cost(got), from, cost(from))
			}
		}
	}
}

func TestDuesInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var d dues
	var all []*watch
	for range 1000 {
		w := &watch{due: -1, wake: 1 + r.Uint64N(100)}
		d.add(w)
		all = append(all, w)
	}
	left := 0
	for i, w := range all {
		if i%3 == 0 {
			d.remove(w)
			if w.due != -1 {
				t.Fatalf("position %d after leaving", w.due)
			}
		} else {
			left++
		}
	}
	last := uint64(0)
	for height := uint64(0); height <= 100; height += 10 {
		for w, ok := d.next(height); ok; w, ok = d.next(height) {
			if w.wake < last || w.wake > height {
				t.Fatalf("height %d gives %d after %d", height, w.wake, last)
			}
			last = w.wake
			left--
		}
	}
	if left != 0 || d.n != 0 || len(d.at) != 0 || len(d.heights) != 0 {
		t.Errorf("%d did not come", left)
	}
}

func TestIndexTellsSameKeysApart(t *testing.T) {
	x := newIndex()
	of := func(last byte) *watch {
		w := &watch{ref: ref{hash: h(1)}}
		w.ref.hash[31] = last
		return w
	}
	ws := []*watch{of(1), of(2), of(1), of(3)}
	for _, w := range ws {
		x.add(w)
	}
	if got := slices.Collect(x.of(ws[0].ref.hash)); !slices.Equal(got, []*watch{ws[2], ws[0]}) {
		t.Errorf("%v, want both of the hash", got)
	}
	for i, w := range []*watch{ws[0], ws[3], ws[1]} {
		x.remove(w)
		if x.has(w.ref.hash) != (i == 0) {
			t.Errorf("removal %d", i)
		}
	}
	if x.remove(ws[2]); x.table.n != 0 {
		t.Errorf("%d keys after everything left", x.table.n)
	}
}

func TestListKeepsOrder(t *testing.T) {
	b := newBook(Config{})
	l := &b.urgent
	ws := make([]*watch, 5)
	for i := range ws {
		ws[i] = &watch{src: &Source{book: b}}
		l.pushBack(ws[i])
	}
	b.unlist(ws[0])
	b.silent.pushBack(ws[2]) // leaves the other list
	b.unlist(ws[4])
	l.pushFront(ws[4])
	b.unlist(ws[2])
	b.unlist(ws[2]) // again: nothing
	if got := l.all(); !slices.Equal(got, []*watch{ws[4], ws[1], ws[3]}) || l.n != 3 || b.silent.n != 0 {
		t.Errorf("%d watches: %v", l.n, got)
	}
	for l.popFront() != nil {
	}
	if l.n != 0 || l.first != nil || l.last != nil {
		t.Errorf("%+v after everything left", l)
	}
}

func TestTagsStandIn(t *testing.T) {
	g := tags{depth: [3]uint64{source.Safe: 10}}
	var o offer
	absent := func(head uint64) {
		o.absent(head, g.depth[source.Safe], false)
		g.absent(source.Safe, head, o.none)
	}
	absent(100)
	absent(109)
	if g.height(source.Safe, 109) != 0 {
		t.Error("stands in at once")
	}
	absent(110)
	if g.height(source.Safe, 110) != 100 {
		t.Errorf("safe %d, want 100", g.height(source.Safe, 110))
	}
	g.seen(source.Safe, 50)
	if g.height(source.Safe, 200) != 100 || g.fallback[source.Safe] {
		t.Errorf("safe %d, want 100: never back, and no stand-in beside a tag", g.height(source.Safe, 200))
	}
	if g.height(source.Safe, 90) != 90 {
		t.Error("beyond the head")
	}
}
