package ethereum

import (
	"encoding/binary"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"trackerfleet/workers/source"
)

// deaf is an observer that looks at nothing.
type deaf struct{}

func (deaf) Observe(source.Observation) {}

func numbered(n uint64) Hash {
	var hash Hash
	binary.BigEndian.PutUint64(hash[:], n*0x9e3779b97f4a7c15) // spread, as hashes are
	binary.BigEndian.PutUint64(hash[8:], n)
	return hash
}

// bookOf returns a source of n watches that wait for a height. extras returns what the start of a watch asked beside the hash.
func bookOf(n int, extras func(i uint64) *extra) (*Source, error) {
	s, err := New(Config{})
	if err != nil {
		return nil, err
	}
	for i := range uint64(n) {
		target := source.Target{Ref: &ref{numbered(i), extras(i)}}
		s.Watch(target, source.Hint{}, deaf{}).Wake(source.Wake{Height: 64})
	}
	return s, nil
}

func bare(uint64) *extra { return nil }

func withSlot(i uint64) *extra { return &extra{nonce: i, slotted: true} }

// bytesPerWatch measures n idle watches on the heap: all that the source keeps of them, in all its indices.
func bytesPerWatch(tb testing.TB, n int, extras func(uint64) *extra) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, err := bookOf(n, extras)
	if err != nil {
		tb.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(s)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
}

// A watch is small, and no smaller or larger among many: a fleet has millions.
func TestBytesPerWatch(t *testing.T) {
	for _, kind := range []struct {
		name   string
		extras func(uint64) *extra
		limit  float64
	}{{"bare", bare, 160}, {"with a slot", withSlot, 250}} {
		for _, n := range []int{100_000, 150_000, 230_000} {
			if got := bytesPerWatch(t, n, kind.extras); got > kind.limit {
				t.Errorf("%d watches %s: %.0f bytes each, want at most %.0f", n, kind.name, got, kind.limit)
			} else {
				t.Logf("%d watches %s: %.0f bytes each; a watch %d, what few ask for %d",
					n, kind.name, got, unsafe.Sizeof(watch{}), unsafe.Sizeof(extra{}))
			}
		}
	}
}

// What a start doesn't ask for takes no room.
func TestParseKeepsOnlyWhatWasAsked(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for params, want := range map[string]bool{
		`{"finality":"safe","chain":"eip155:1","drop_after":3}`: false,
		`{"from_block":3}`:         true,
		`{"revert_reason":"call"}`: true,
	} {
		target, err := s.Parse(numbered(1).String(), json.RawMessage(params))
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Ref.(*ref).extra != nil; got != want {
			t.Errorf("%s: extra is there: %v, want %v", params, got, want)
		}
	}
}

func BenchmarkBytesPerWatch(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(bytesPerWatch(b, 1_000_000, bare), "bytes/watch")
		b.ReportMetric(bytesPerWatch(b, 1_000_000, withSlot), "bytes/watch-with-slot")
	}
}

// perBlock is how many transactions a block of these benchmarks has.
const perBlock = 300

// strangers returns a block of transactions that nobody watches, no two calls the same.
func strangers(number uint64) *block {
	blk := &block{number: number, hash: numbered(1<<50 + number), parent: numbered(1<<50 + number - 1)}
	for i := range uint64(perBlock) {
		blk.txs = append(blk.txs, numbered(1<<40+number*perBlock+i))
	}
	return blk
}

// whole returns the block as one that was read in full.
func whole(blk *block) *block {
	blk.full = true
	for i, tx := range blk.txs {
		blk.occupants = append(blk.occupants, occupant{slot: slot{nonce: 1<<40 + uint64(i)}, tx: tx})
	}
	return blk
}

// A transaction of a block that nobody watches, and whose slot nobody has, allocates nothing.
func TestMissesAllocateNothing(t *testing.T) {
	s, err := bookOf(10_000, withSlot)
	if err != nil {
		t.Fatal(err)
	}
	br := branch{blocks: []*block{whole(strangers(1))}}
	if got := testing.AllocsPerRun(100, func() {
		if s.book.matches(br) != nil {
			t.Fatal("a match")
		}
	}); got != 0 {
		t.Errorf("%v allocations in a block without hits, want none", got)
	}
}

// BenchmarkMatch looks for the transactions of a block that nobody watches among a million watches.
func BenchmarkMatch(b *testing.B) {
	s, err := bookOf(1_000_000, bare)
	if err != nil {
		b.Fatal(err)
	}
	blocks := make([]branch, 100) // more than a cache remembers
	for i := range blocks {
		blocks[i].blocks = []*block{strangers(uint64(i))}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		s.book.matches(blocks[n%len(blocks)])
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perBlock, "ns/miss")
}

// BenchmarkBlock applies blocks of 300 transactions, 3 of them watched, against a million watches.
func BenchmarkBlock(b *testing.B) {
	s, err := bookOf(1_000_000, bare)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	number := uint64(1)
	for b.Loop() {
		b.StopTimer()
		blk := strangers(number)
		receipts := map[Hash]*receipt{}
		for i := range uint64(3) {
			tx := numbered((number*3 + i) % 1_000_000)
			blk.txs[i*100] = tx
			receipts[tx] = &receipt{tx: tx, block: blk.hash, number: number, success: true, gasUsed: "21000", feePaid: "1"}
		}
		br := branch{ancestor: number - 1, blocks: []*block{blk}}
		b.StartTimer()
		s.book.matches(br)
		s.book.apply(br, receipts, now)
		number++
	}
}

// BenchmarkWholeBlock applies blocks of 300 transactions that were read in full, 3 of which take a slot, against a million
// watches with slots.
func BenchmarkWholeBlock(b *testing.B) {
	s, err := bookOf(1_000_000, withSlot)
	if err != nil {
		b.Fatal(err)
	}
	number := uint64(1)
	for b.Loop() {
		b.StopTimer()
		blk := whole(strangers(number))
		for i := range uint64(3) {
			blk.occupants[i*100].slot.nonce = (number*3 + i) % 1_000_000
		}
		br := branch{ancestor: number - 1, blocks: []*block{blk}}
		b.StartTimer()
		s.book.matches(br)
		s.book.apply(br, nil, time.Unix(1_700_000_000, 0))
		number++
	}
}

// BenchmarkDecodeWholeBlock reads a block of 300 transactions as a node sends it in full.
func BenchmarkDecodeWholeBlock(b *testing.B) {
	var txs []map[string]any
	for i, tx := range strangers(1).txs {
		txs = append(txs, map[string]any{
			"hash": tx, "from": Address{byte(i)}.String(), "to": Address{1}.String(), "nonce": hexQuantity(uint64(i)), "value": "0x1",
			"input": "0x" + strings.Repeat("ab", 196), "gas": "0x5208", "gasPrice": "0x1", "type": "0x2", "accessList": []any{},
			"blockHash": tx, "blockNumber": "0x1", "transactionIndex": "0x1", "chainId": "0x1", "v": "0x1", "r": tx, "s": tx,
		})
	}
	raw, err := json.Marshal(map[string]any{
		"number": "0x1", "hash": numbered(1), "parentHash": numbered(2), "timestamp": "0x6553f100", "transactions": txs,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if blk, err := decodeBlock(raw); err != nil || !blk.full || len(blk.occupants) != perBlock {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeBlock reads a block of 300 transactions as a node sends it, with hashes only.
func BenchmarkDecodeBlock(b *testing.B) {
	blk := strangers(1)
	raw, err := json.Marshal(map[string]any{
		"number": "0x1", "hash": blk.hash, "parentHash": blk.parent, "timestamp": "0x6553f100", "transactions": blk.txs,
		"logsBloom": "0x" + strings.Repeat("0", 512), "extraData": "0x", "gasUsed": "0x1c9c380",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if got, err := decodeBlock(raw); err != nil || len(got.txs) != perBlock {
			b.Fatalf("%v, %v", got, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perBlock, "ns/tx")
}

// BenchmarkFire advances the head past a height that a thousand of a million waiting watches wait for.
func BenchmarkFire(b *testing.B) {
	s, err := bookOf(1_000_000, bare)
	if err != nil {
		b.Fatal(err)
	}
	book, now := s.book, time.Unix(1_700_000_000, 0)
	m := book.window.push(&block{number: 1, hash: numbered(1)})
	waiting := book.urgent.all()
	for i, w := range waiting {
		w.place, w.told = m, m
		book.setWake(w, source.Wake{Height: uint64(2 + i/1000)})
	}
	number := uint64(1)
	for b.Loop() {
		number++
		book.window.push(&block{number: number, hash: numbered(number)})
		book.fireAll(now)
		for i := range 1000 {
			w := waiting[(int(number-2)*1000+i)%len(waiting)]
			book.setWake(w, source.Wake{Height: number + 1000})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/wake")
}
