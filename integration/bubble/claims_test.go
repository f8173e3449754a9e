package bubble

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// claimer is what claims owner records: [bus.Claims], or a mutant of it.
type claimer interface {
	OwnersOf(ctx context.Context, partitions ...int) ([]bus.Owner, error)
	Claim(ctx context.Context, worker, incarnation string, seen ...bus.Owner) (won, lost []bus.Owner, err error)
	Release(ctx context.Context, to string, held ...bus.Owner) (released, lost []bus.Owner, err error)
}

// history is what claimers did, on a clock that only orders.
type history struct {
	mu         sync.Mutex
	clock      int64
	operations []porcupine.Operation
	unknown    int // changes that nobody told the outcome of
	lies       []string
}

func (h *history) now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

func (h *history) note(client int, call int64, returned bool, c change) {
	end := int64(math.MaxInt64)
	if returned {
		end = h.now()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !returned {
		h.unknown++
	}
	h.operations = append(h.operations, porcupine.Operation{ClientId: client, Input: c, Call: call, Return: end})
}

func (h *history) lie(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lies = append(h.lies, fmt.Sprintf(format, args...))
}

// racer reads, claims and releases a few partitions, by what it has last seen of them.
type racer struct {
	*history
	number int
	claims claimer
	r      *rand.Rand
	seen   []bus.Owner
}

// racedPartitions are few, so that claimers meet.
const racedPartitions = 6

func (c *racer) run(t *testing.T, rounds int) {
	c.seen = make([]bus.Owner, racedPartitions)
	for p := range c.seen {
		c.seen[p].Partition = p
	}
	for round := range rounds {
		time.Sleep(between(c.r, 0, 300*time.Millisecond))
		ctx, cancel := context.WithTimeout(t.Context(), between(c.r, 500*time.Millisecond, 6*time.Second))
		some := c.seen[c.r.IntN(racedPartitions):]
		some = slices.Clone(some[:1+c.r.IntN(len(some))])
		mine := slices.DeleteFunc(slices.Clone(some), func(o bus.Owner) bool {
			return o.State != bus.Owned || o.Worker != fmt.Sprint("w", c.number)
		})
		switch dice := c.r.IntN(10); {
		case dice < 3:
			c.read(ctx, some)
		case dice < 5 && len(mine) > 0:
			to := fmt.Sprintf("%d-%d", c.number, round)
			c.change(mine, func() (done, lost []bus.Owner, err error) { return c.claims.Release(ctx, to, mine...) },
				func(o bus.Owner) bus.Owner { o.State, o.To = bus.Released, to; return o })
		default:
			next := bus.Owner{Worker: fmt.Sprint("w", c.number), Incarnation: fmt.Sprint(round), State: bus.Owned}
			c.change(some, func() (done, lost []bus.Owner, err error) {
				return c.claims.Claim(ctx, next.Worker, next.Incarnation, some...)
			}, func(o bus.Owner) bus.Owner { n := next; n.Partition = o.Partition; return n })
		}
		cancel()
	}
}

func (c *racer) read(ctx context.Context, some []bus.Owner) {
	partitions := make([]int, len(some))
	for i, o := range some {
		partitions[i] = o.Partition
	}
	call := c.now()
	owners, err := c.claims.OwnersOf(ctx, partitions...)
	if err != nil {
		return
	}
	for _, o := range owners {
		c.note(c.number, call, true, change{op: read, partition: o.Partition, value: valueOf(o), epoch: o.Epoch})
		c.seen[o.Partition] = o
	}
}

// change makes a change of some records and notes what became of each. One that was lost may have been made for a while and
// then have been overtaken; what is there instead was read.
func (c *racer) change(some []bus.Owner, do func() (done, lost []bus.Owner, err error), next func(bus.Owner) bus.Owner) {
	open := make(map[int]change)
	for _, o := range some {
		n := next(o)
		n.Epoch = 1 // of no matter for its value
		open[o.Partition] = change{op: maybe, partition: o.Partition, seen: o.Epoch, value: valueOf(n)}
	}
	call := c.now()
	done, lost, err := do()
	for _, o := range done {
		made := open[o.Partition]
		made.op, made.epoch = won, o.Epoch
		if made.value != valueOf(o) {
			c.lie("%s was to be written, and %s is told", made.value, valueOf(o))
		}
		c.note(c.number, call, true, made)
		c.seen[o.Partition] = o
		delete(open, o.Partition)
	}
	for _, o := range lost {
		if made := open[o.Partition]; o.Epoch == made.seen || valueOf(o) == made.value {
			c.lie("%+v is told to be lost, by %+v", made, o)
		}
		c.note(c.number, call, true, open[o.Partition])
		c.note(c.number, call, true, change{op: read, partition: o.Partition, value: valueOf(o), epoch: o.Epoch})
		c.seen[o.Partition] = o
		delete(open, o.Partition)
	}
	if err == nil && len(open) > 0 {
		c.lie("nothing is told of %v", open)
	}
	for _, unknown := range open {
		c.note(c.number, call, false, unknown)
	}
}

func asTheyAre(c *bus.Claims, _ *nats.Conn) claimer { return c }

// race lets racers loose whose connections break, and returns what they did.
func race(s *site, seed uint64, mutate func(*bus.Claims, *nats.Conn) claimer) *history {
	const racers, rounds = 5, 60
	h := new(history)
	ctx, calm := context.WithCancel(s.t.Context())
	var racing, breaking sync.WaitGroup
	for n := range racers {
		g := s.newGate()
		g.said, g.answers = s.said, s.answers
		nc := s.connect(fmt.Sprint("w", n), nats.InProcessServer(g))
		defer nc.Close()
		claims, err := bus.NewClaims(nc)
		if err != nil {
			s.t.Fatal(err)
		}
		r := &racer{history: h, number: n, claims: mutate(claims, nc), r: rand.New(rand.NewPCG(seed, uint64(n)))}
		racing.Go(func() { r.run(s.t, rounds) })
		breaking.Go(func() { s.breakGate(ctx, g, rand.New(rand.NewPCG(seed, 100+uint64(n)))) })
	}
	racing.Wait()
	calm()
	breaking.Wait()
	return h
}

// breakGate breaks a connection again and again until ctx ends.
func (s *site) breakGate(ctx context.Context, g *gate, r *rand.Rand) {
	for ctx.Err() == nil {
		time.Sleep(between(r, 100*time.Millisecond, 4*time.Second))
		lasts := between(r, 10*time.Millisecond, 3*time.Second)
		switch r.IntN(3) {
		case 0:
			g.cut()
			time.Sleep(lasts)
			g.open()
		case 1:
			g.deafen()
			time.Sleep(lasts)
			g.cut()
			g.open()
		case 2:
			g.hold()
			time.Sleep(lasts)
			g.resume()
		}
	}
}

// TestClaimHistoriesAreLinearizable: whatever breaks, what claimers are told fits compare-and-set registers, one per partition.
func TestClaimHistoriesAreLinearizable(t *testing.T) {
	unknown, operations := 0, 0
	for seed := range uint64(5) {
		h := inBubble(t, func(s *site) *history {
			return race(s, seed, asTheyAre)
		})
		if got := porcupine.CheckOperationsTimeout(registers, h.operations, 20*time.Second); got != porcupine.Ok {
			t.Errorf("seed %d: a history of %d operations is %v", seed, len(h.operations), got)
		}
		for _, lie := range h.lies {
			t.Errorf("seed %d: %s", seed, lie)
		}
		unknown += h.unknown
		operations += len(h.operations)
	}
	t.Logf("%d operations, %d of unknown outcome", operations, unknown)
	if unknown == 0 {
		t.Error("void: every claimer was told the outcome of everything")
	}
}
