package ethereum_test

import (
	"strings"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// course is a course of events in which transactions go every way, while nodes are in trouble for a part of it.
type course struct {
	*rig
	pitfall
	change func(*ethereum.Config) // of the source
	faulty []*ethtest.Server
	nodes  []*ethtest.Server // all of them
	told   map[*watching]*source.Inclusion
	where  map[string]ethtest.Block // the truth: transactions that are in a block
	pooled map[string]bool          // and those that a node knows
	heads  int                      // of the wakes that have come
	lies   bool                     // there is trouble
	never  bool                     // it must not be degraded at any time
}

func newCourse(r *rig, p pitfall, change func(*ethereum.Config), faulty ...*ethtest.Server) *course {
	return &course{
		rig: r, pitfall: p, change: change, faulty: faulty, nodes: []*ethtest.Server{r.node},
		told: map[*watching]*source.Inclusion{}, where: map[string]ethtest.Block{},
		pooled: map[string]bool{},
	}
}

// trouble has the nodes misbehave, or no more.
func (c *course) trouble(on bool) {
	for _, n := range c.faulty {
		if on {
			n.Misbehave(c.Faults)
		} else {
			n.Misbehave(ethtest.Faults{})
		}
	}
}

// pass lets polls pass, and takes in what was observed.
func (c *course) pass(polls int) {
	c.Helper()
	if c.brief {
		polls = min(polls, 3)
	}
	for i := range polls {
		if c.flaps && c.lies {
			c.trouble(i%2 == 0)
		}
		c.polls(1)
		c.read()
		if h := c.src.Health(); h.Degraded && c.never {
			c.Fatalf("degraded: %+v", h)
		}
	}
}

// place notes where the transactions of blocks are.
func (c *course) place(blocks ...ethtest.Block) {
	for _, b := range blocks {
		for _, tx := range b.Txs {
			c.where[tx.Hash] = b
			delete(c.pooled, tx.Hash)
		}
	}
}

func (c *course) follow(reverts bool, params string) *watching {
	tx := c.node.NewTx(reverts)
	w := c.watchParams(tx, source.Hint{}, `{"hash":"`+tx.Hash+`"`+params+`}`)
	c.told[w] = nil
	return w
}

func (c *course) submit(w *watching) {
	c.read()
	c.node.Submit(w.tx)
	c.pooled[w.tx.Hash] = true
}

func txs(ws ...*watching) (txs []ethtest.Tx) {
	for _, w := range ws {
		txs = append(txs, w.tx)
	}
	return txs
}

// word is whether a source says that it is degraded.
type word int

const (
	silent word = iota // at no time
	said               // in the end, while there still is trouble
	either             // there is no telling
)

// run goes through the course. w is what must be said while there is trouble.
func (c *course) run(w word) {
	c.mine(4)
	if c.early {
		c.stop()
		c.trouble(true)
		c.src = c.source(c.change)
		c.start()
		c.pass(1)
	}
	pending, unseen := c.follow(false, ""), c.follow(false, "")
	c.submit(pending)
	deep, moved, gone := c.follow(false, ""), c.follow(false, ""), c.follow(true, "")
	c.place(c.node.Mine(deep.tx))
	c.tags(deep.block(c).Number - 1)
	c.mine(1)
	c.place(c.node.Mine(txs(moved, gone)...))
	fresh, bad, soon := c.follow(false, ""), c.follow(true, `,"revert_reason":"call"`), c.follow(false, "")
	if !c.early {
		c.pass(3)
		c.wantDegraded(false)
	}
	deep.Wake(source.Wake{Height: deep.block(c).Number, Head: source.Finalized})
	c.submit(soon)
	c.pass(2)

	c.lies, c.never = true, w == silent
	c.trouble(true)
	c.pass(2)
	delete(c.where, moved.tx.Hash)
	delete(c.where, gone.tx.Hash)
	c.pooled[gone.tx.Hash] = true
	c.place(c.node.Reorg(2, nil, txs(bad), txs(moved, fresh))...)
	c.pass(4)
	c.refresh()
	c.place(c.node.Mine(soon.tx))
	late := c.follow(false, "")
	c.place(c.node.Mine(late.tx))
	c.pass(66) // beyond the next question for the chain, and the sweep
	c.refresh()
	c.pass(2)
	c.check(w)

	c.lies, c.never = false, false
	c.trouble(false)
	c.pass(2)
	c.place(c.node.Mine(gone.tx))
	c.mine(1)
	c.pass(45) // a hanging request, a pause
	c.brief = false
	c.pass(45)
	c.tags(deep.block(c).Number)
	c.pass(3)
	c.refresh()
	c.pass(2)
	c.end(pending, unseen)
}

// tags sets the finalized head.
func (c *course) tags(finalized uint64) {
	for _, n := range c.nodes {
		n.SetTags(c.node.Head().Number, finalized)
	}
}

// block is where the watched transaction is.
func (w *watching) block(c *course) ethtest.Block { return c.where[w.tx.Hash] }

func (c *course) refresh() {
	for w := range c.told {
		w.Refresh()
	}
}

// check fails the test unless the source says that it is degraded if it must.
func (c *course) check(w word) {
	c.Helper()
	h := c.src.Health()
	if w == said && (!h.Degraded || h.Error == "") || strings.Contains(h.Error, "key") {
		c.Errorf("want it to say what is wrong: %+v", h)
	}
}

// read takes the observations in, and fails the test at the first that is untrue.
func (c *course) read() {
	c.Helper()
	for w := range c.told {
		for _, o := range w.take() {
			c.observed(w, o)
		}
	}
}

func (c *course) observed(w *watching, o source.Observation) {
	c.Helper()
	b, in := c.where[w.tx.Hash]
	told := c.told[w]
	switch o.Kind {
	case source.Included, source.Reorged:
		switch {
		case o.Kind == source.Reorged && (told == nil || told.Block.Hash != o.From.Block.Hash || o.Depth == 0),
			o.Kind == source.Included && told != nil && told.Block.Hash != o.Inclusion.Block.Hash:
			c.Fatalf("observed %+v while told %+v", o, told)
		case o.Inclusion == nil && in && b.Hash == told.Block.Hash:
			c.Fatalf("said to have left its block %+v: %+v", b, o)
		case o.Inclusion != nil && (!in || o.Inclusion.Block.Hash != b.Hash || o.Inclusion.Success == w.tx.Reverts):
			c.Fatalf("observed %+v of %+v, the truth is %+v", o, o.Inclusion, b)
		}
		c.told[w] = o.Inclusion
	case source.Advanced:
		if told == nil || o.Finalized < told.Block.Number {
			c.Fatalf("advanced %+v while told %+v", o, told)
		}
		c.heads++
	case source.Pending:
		if told != nil || !in && !c.pooled[w.tx.Hash] {
			c.Fatalf("pending %+v while told %+v", o, told)
		}
	case source.Absent:
		if told != nil || c.pooled[w.tx.Hash] && !c.Null {
			c.Fatalf("absent %+v while told %+v, known %v", o, told, c.pooled[w.tx.Hash])
		}
	default:
		c.Fatalf("observed %+v", o)
	}
}

// end compares what was told with the truth.
func (c *course) end(pending, unseen *watching) {
	c.Helper()
	c.wantDegraded(false)
	for w, told := range c.told {
		b, in := c.where[w.tx.Hash]
		if in != (told != nil) || in && told.Block.Hash != b.Hash {
			c.Errorf("%s: told %+v, the truth is %v %+v", w.tx.Hash, told, in, b)
		}
	}
	if _, in := c.where[pending.tx.Hash]; in || c.where[unseen.tx.Hash].Hash != "" {
		c.Error("the course itself is wrong")
	}
	if c.heads != 1 {
		c.Errorf("%d wakes have come, want 1", c.heads)
	}
	if at, head := c.src.Checkpoint(), c.node.Head(); at.Hash != head.Hash {
		c.Errorf("checkpoint %+v, want %d %s", at, head.Number, head.Hash)
	}
}
