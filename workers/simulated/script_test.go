package simulated

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// script is an outside that a test moves by hand: every step is a round. It keeps the history of every transaction, so
// that what it answers for a round stays the same.
type script struct {
	mu      sync.Mutex
	rounds  []heads                   // by round
	depths  []uint64                  // blocks taken back, by round
	blocks  map[block]source.BlockRef // every one there ever was
	chain   []block                   // the canonical ones, by height
	inside  map[block][]string        // IDs by block
	history map[string][]since        // by ID
	reverts map[string]bool           // by ID
	names   map[key]string            // IDs by key
	instead map[string]string         // ID of the replaced by ID of its replacement
	others  map[string][2]string      // ID and kind of the replacement by ID of the replaced
	sources []*Source
	down    bool
	made    int // transactions made up
}

// since is where a transaction is from a round on.
type since struct {
	round uint64
	place place
}

func newScript() *script {
	s := &script{
		blocks: map[block]source.BlockRef{}, inside: map[block][]string{}, history: map[string][]since{}, reverts: map[string]bool{}, names: map[key]string{},
		instead: map[string]string{}, others: map[string][2]string{},
		rounds: make([]heads, 1), depths: make([]uint64, 1),
	}
	s.append(nil)
	s.step(0)
	return s
}

// append puts a block on the chain.
func (s *script) append(ids []string) source.BlockRef {
	b := block{height: uint64(len(s.chain)) + 1, version: uint32(len(s.blocks))}
	ref := source.BlockRef{Number: b.height, Hash: fmt.Sprintf("%d-%d", b.height, b.version), Time: time.Unix(int64(b.height), 0)}
	s.blocks[b], s.inside[b] = ref, ids
	s.chain = append(s.chain, b)
	for _, id := range ids {
		s.put(id, place{kind: in, block: b})
		if replaced, ok := s.instead[id]; ok {
			s.put(replaced, place{kind: taken, block: b})
		}
	}
	return ref
}

// put says where a transaction is from the next round on.
func (s *script) put(id string, p place) {
	s.history[id] = append(s.history[id], since{round: uint64(len(s.rounds)), place: p})
}

// step begins the next round.
func (s *script) step(depth uint64) {
	top := s.chain[len(s.chain)-1]
	s.rounds = append(s.rounds, heads{latest: top.height, hash: s.blocks[top].Hash, safe: top.height / 2, finalized: top.height / 4})
	s.depths = append(s.depths, depth)
	for _, src := range s.sources {
		src.poke()
	}
}

func (s *script) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *script) NewSource(t testing.TB) source.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	src := newSource(Config{}.withDefaults(), s)
	src.SetOutage(s.down)
	s.sources = append(s.sources, src)
	return src
}

func (s *script) NewTransaction(t testing.TB, reverts bool) sourcetest.Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	id := fmt.Sprintf("txn_%d", s.made)
	s.reverts[id], s.names[keyOf(Config{}.withDefaults().Seed, id)] = reverts, id
	return sourcetest.Transaction{ID: id}
}

func (s *script) Submit(t testing.TB, tx sourcetest.Transaction) {
	s.locked(func() {
		s.known(tx.ID)
		s.step(0)
	})
}

func (s *script) Forget(_ testing.TB, tx sourcetest.Transaction) {
	s.locked(func() {
		s.put(tx.ID, place{kind: unseen})
		s.step(0)
	})
}

// known says that a transaction is known from the next round on, and the one that it replaces is not.
func (s *script) known(id string) {
	s.put(id, place{kind: pending})
	if replaced, ok := s.instead[id]; ok {
		s.put(replaced, place{kind: unseen})
	}
}

func (s *script) Named(_ testing.TB, tx sourcetest.Transaction) sourcetest.Transaction { return tx }

func (s *script) Replacement(t testing.TB, tx sourcetest.Transaction, kind string) (sourcetest.Transaction, string) {
	other := s.NewTransaction(t, false)
	s.locked(func() { s.instead[other.ID], s.others[tx.ID] = tx.ID, [2]string{other.ID, kind} })
	return other, other.ID
}

func ids(txs []sourcetest.Transaction) (ids []string) {
	for _, tx := range txs {
		ids = append(ids, tx.ID)
	}
	return ids
}

func (s *script) Mine(t testing.TB, txs ...sourcetest.Transaction) (ref source.BlockRef) {
	s.locked(func() {
		ref = s.append(ids(txs))
		s.step(0)
	})
	return ref
}

func (s *script) Reorganise(t testing.TB, depth int, branch ...[]sourcetest.Transaction) (refs []source.BlockRef) {
	s.locked(func() {
		for _, b := range s.chain[len(s.chain)-depth:] {
			for _, id := range s.inside[b] {
				s.known(id)
			}
		}
		s.chain = s.chain[:len(s.chain)-depth]
		for _, txs := range branch {
			refs = append(refs, s.append(ids(txs)))
		}
		s.step(uint64(depth))
	})
	return refs
}

func (s *script) SetOutage(t testing.TB, on bool) {
	s.locked(func() {
		s.down = on
		for _, src := range s.sources {
			src.SetOutage(on)
		}
	})
}

func (s *script) Many() int { return 10_000 }

func (s *script) round(time.Time) (uint64, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.rounds)) - 1, time.Hour
}

func (s *script) began(uint64) time.Time { return time.Time{} }

func (s *script) heads(round uint64) heads {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rounds[round]
}

func (s *script) enter(_ *transaction, h source.Hint, _ uint64) (place, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b, ref := range s.blocks {
		if h.Block != nil && ref.Number == h.Block.Number && ref.Hash == h.Block.Hash {
			if h.By != "" {
				return place{kind: taken, block: b}, 0
			}
			return place{kind: in, block: b}, 0
		}
	}
	return place{kind: unseen}, 0
}

func (s *script) walk(tx *transaction, _ place, round uint64) sight {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := sight{place: place{kind: unseen}, due: round + 1, depth: s.depths[round]}
	for _, h := range s.history[s.names[tx.key]] {
		if h.round <= round {
			is.place = h.place
		}
	}
	return is
}

func (s *script) inclusion(tx *transaction, p place) *source.Inclusion {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &source.Inclusion{Block: s.blocks[p.block], Success: !s.reverts[s.names[tx.key]]}
}

func (s *script) replacement(tx *transaction) (by, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	other := s.others[s.names[tx.key]]
	return other[0], other[1]
}

func (s *script) details(tx *transaction) *source.PendingDetails { return detailsOf(tx) }
