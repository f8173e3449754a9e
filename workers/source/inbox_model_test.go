package source

import (
	"fmt"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// model is what a tracker makes of observations: finality by depth, missing, dropped.
type model struct {
	need, dropAfter uint64

	status   string
	block    string
	by       string
	height   uint64
	lastSeen uint64
	checks   int
	asked    uint64
}

func (m *model) observe(o Observation) {
	if m.final() {
		return
	}
	switch o.Kind {
	case Absent:
		m.absent(o)
		return
	case Pending:
		m.out("pending", o)
	case Included, Replacing:
		m.in(o)
	case Reorged:
		if o.Inclusion == nil {
			m.out("pending", o)
		} else {
			m.in(o)
		}
	}
	m.lastSeen = o.Head
	if m.status == "confirming" && o.Head >= m.height+m.need-1 {
		m.status = "confirmed"
		if m.by != "" {
			m.status = "replaced"
		}
	}
}

// final reports whether the tracker has ended.
func (m *model) final() bool {
	return m.status == "confirmed" || m.status == "dropped" || m.status == "replaced"
}

// same reports whether both are at the same: how they ended, or everything they know.
func (m *model) same(n *model) bool {
	if m.final() {
		return m.status == n.status && m.block == n.block && m.by == n.by
	}
	return *m == *n
}

func (m *model) in(o Observation) {
	m.status, m.block, m.height, m.by = "confirming", o.Inclusion.Block.Hash, o.Inclusion.Block.Number, o.By
	m.checks, m.asked = 0, 0
}

func (m *model) out(status string, o Observation) {
	m.status, m.block, m.height, m.by, m.checks, m.asked = status, "", 0, "", 0, 0
}

func (m *model) absent(o Observation) {
	checks, asked := o.Looks()
	m.checks, m.asked = m.checks+checks, m.asked|asked
	if m.status == "pending" && m.checks >= 3 && bits.OnesCount64(m.asked) >= 2 {
		m.status = "missing"
	}
	if m.status != "pending" && o.Head >= m.lastSeen+m.dropAfter {
		m.status = "dropped"
	}
}

// world makes observations of a transaction on a chain that keeps its finality: nothing final is taken back, nothing that
// was absent for longer than patience comes back.
type world struct {
	*rapid.T
	need, dropAfter uint64
	head, lastSeen  uint64
	blocks          int
	at              *Inclusion
	by              string
	known           bool
	lost            bool
	includes, knows int // percent
}

func (w *world) chance(name string, percent int) bool {
	return rapid.IntRange(0, 99).Draw(w.T, name) < percent
}

func (w *world) newBlock(lowest uint64) *Inclusion {
	w.blocks++
	height := rapid.Uint64Range(lowest, w.head).Draw(w.T, "height")
	return &Inclusion{Block: BlockRef{Number: height, Hash: fmt.Sprint("b", w.blocks)}}
}

// next lets some blocks pass and returns what is observed then.
func (w *world) next() Observation {
	w.head += rapid.Uint64Range(0, 2).Draw(w.T, "blocks")
	o := w.observe()
	o.Head = w.head
	if o.Kind != Absent {
		w.lastSeen = w.head
	} else if w.head >= w.lastSeen+w.dropAfter {
		w.lost = true
	}
	return o
}

func (w *world) observe() Observation {
	switch {
	case w.at != nil && (w.head >= w.at.Block.Number+w.need-1 || w.chance("stays", 50)):
		return Observation{Kind: Advanced}
	case w.at != nil:
		return w.reorg()
	case !w.lost && w.chance("included", w.includes):
		w.at, w.known = w.newBlock(max(1, w.head)), true
		if w.by = ""; w.chance("replaced", 20) {
			w.by = "other"
			return Observation{Kind: Replacing, Inclusion: w.at, By: w.by}
		}
		return Observation{Kind: Included, Inclusion: w.at}
	case !w.lost && w.chance("known", w.knows):
		return Observation{Kind: Pending}
	default:
		return Observation{Kind: Absent, Endpoint: rapid.IntRange(0, 1).Draw(w.T, "endpoint"), Endpoints: 2}
	}
}

func (w *world) reorg() Observation {
	o := Observation{Kind: Reorged, From: w.at, Depth: w.head - w.at.Block.Number + 1}
	if w.at = nil; w.chance("kept", 60) {
		w.at = w.newBlock(o.From.Block.Number)
	}
	o.Inclusion = w.at
	switch {
	case w.at == nil || w.by != "" && w.chance("the first is back", 30):
		w.by = ""
	case w.chance("replaced by it", 30):
		w.by = "other"
	}
	o.By = w.by
	return o
}

// A tracker that is slow, and gets merged observations, ends where one ends that gets every single one.
func TestInboxChangesNoEnd(t *testing.T) {
	ends := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		need, dropAfter := rapid.Uint64Range(1, 6).Draw(t, "need"), rapid.Uint64Range(4, 20).Draw(t, "drop")
		w := &world{T: t, need: need, dropAfter: dropAfter, head: 1, lastSeen: 1}
		w.includes, w.knows = rapid.SampledFrom([]int{0, 3, 30}).Draw(t, "includes"), rapid.SampledFrom([]int{0, 5, 40}).Draw(t, "knows")
		every := &model{need: need, dropAfter: dropAfter, status: "unseen", lastSeen: 1}
		slow := &model{need: need, dropAfter: dropAfter, status: "unseen", lastSeen: 1}
		var b Inbox
		takes := rapid.IntRange(0, 60).Draw(t, "takes")
		for range rapid.IntRange(1, 60).Draw(t, "observations") {
			o := w.next()
			every.observe(o)
			b.Put(o)
			for w.chance("take", takes) {
				if o, ok := b.Take(); ok {
					slow.observe(o)
				}
			}
			if b.Len() == 0 && !every.same(slow) {
				t.Fatalf("after the same observations:\n every one: %+v\n merged:    %+v", *every, *slow)
			}
		}
		for o, ok := b.Take(); ok; o, ok = b.Take() {
			slow.observe(o)
		}
		if !every.same(slow) {
			t.Fatalf("at the end:\n every one: %+v\n merged:    %+v", *every, *slow)
		}
		ends[every.status]++
	})
	for _, status := range []string{"confirmed", "replaced", "dropped"} {
		if ends[status] == 0 {
			t.Errorf("no run ended %s: %v", status, ends)
		}
	}
}
