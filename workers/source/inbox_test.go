package source

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func inclusion(block string) *Inclusion {
	if block == "" {
		return nil
	}
	return &Inclusion{Block: BlockRef{Number: uint64(block[0]), Hash: block}}
}

// seen returns an observation: Included, Replacing and Advanced are in the block to, Reorged goes from one to the other.
func seen(kind Kind, from, to string) Observation {
	o := Observation{Kind: kind, From: inclusion(from), Inclusion: inclusion(to)}
	if kind == Reorged {
		o.Depth = 1
	}
	if kind == Replacing {
		o.By = "other"
	}
	return o
}

// by makes a reorganisation one into a block with the other transaction.
func by(o Observation) Observation {
	o.By = "other"
	return o
}

func brief(o Observation) string {
	name := func(i *Inclusion) string {
		if i == nil {
			return "-"
		}
		return i.Block.Hash
	}
	switch o.Kind {
	case Absent:
		checks, asked := o.Looks()
		return fmt.Sprintf("absent %d %b", checks, asked)
	case Pending:
		return "pending"
	case Included:
		return "in " + name(o.Inclusion)
	case Advanced:
		return "advanced"
	case Reorged:
		if o.By != "" {
			return "reorged " + name(o.From) + name(o.Inclusion) + " by " + o.By
		}
		return "reorged " + name(o.From) + name(o.Inclusion)
	case Replacing:
		return "replacing " + name(o.Inclusion)
	case Settled:
		return "settled"
	default:
		return "replaced"
	}
}

// merging is observations and what is taken once all of them were put.
type merging struct {
	name string
	put  []Observation
	want []string
}

func (m merging) run(t *testing.T) {
	var b Inbox
	for _, o := range m.put {
		b.Put(o)
	}
	var got []string
	for o, ok := b.Take(); ok; o, ok = b.Take() {
		got = append(got, brief(o))
	}
	if diff := cmp.Diff(m.want, got); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
}

// A reorganisation can put another transaction in the place of the first, and the first back in its place.
func TestInboxMergesReplacements(t *testing.T) {
	in, out, replaced := seen(Included, "", "A"), seen(Reorged, "A", ""), by(seen(Reorged, "A", "B"))
	for _, tt := range []merging{
		{"replaced", []Observation{in, replaced}, []string{"in A", "reorged AB by other"}},
		{"replaced and back", []Observation{in, replaced, seen(Reorged, "B", "C")}, []string{"in A", "reorged AC"}},
		{"replaced while out and back", []Observation{out, seen(Replacing, "", "B"), seen(Reorged, "B", "C")}, []string{"reorged A-", "in C"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestInboxMerges(t *testing.T) {
	absent := func(endpoint int) Observation { return Observation{Kind: Absent, Endpoint: endpoint, Endpoints: 2} }
	pending, advanced := Observation{Kind: Pending}, Observation{Kind: Advanced}
	in, out := seen(Included, "", "A"), seen(Reorged, "A", "")
	for _, tt := range []merging{
		{"looks in vain add up", []Observation{absent(0), absent(1), absent(1)}, []string{"absent 3 11"}},
		{"the first look at the second endpoint", []Observation{absent(1)}, []string{"absent 1 10"}},
		{"pending forgives", []Observation{absent(0), absent(1), pending, absent(0)}, []string{"pending", "absent 1 1"}},
		{"in a block is known", []Observation{absent(0), pending, in}, []string{"in A"}},
		{"one advance", []Observation{in, advanced, advanced}, []string{"in A", "advanced"}},
		{"seen again is an advance", []Observation{in, in}, []string{"in A", "advanced"}},
		{"an inclusion stays", []Observation{in, advanced, out}, []string{"in A", "advanced", "reorged A-"}},
		{"reorganisations in a row", []Observation{seen(Reorged, "A", "B"), advanced, seen(Reorged, "B", "C")}, []string{"reorged AC"}},
		{"there and back", []Observation{in, seen(Reorged, "A", "B"), seen(Reorged, "B", "A")}, []string{"in A", "advanced"}},
		{"out and in", []Observation{out, pending, seen(Included, "", "B")}, []string{"reorged AB"}},
		{"out and in the same", []Observation{out, pending, in}, []string{"advanced"}},
		{"out and missing", []Observation{in, out, pending, absent(0)}, []string{"in A", "reorged A-", "pending", "absent 1 1"}},
		{"out and replaced", []Observation{out, seen(Replacing, "", "B")}, []string{"reorged A-", "replacing B"}},
		{
			"replacement moves",
			[]Observation{out, seen(Replacing, "", "B"), by(seen(Reorged, "B", "C"))},
			[]string{"reorged A-", "replacing C"},
		},
		{
			"replacement goes, the first comes back",
			[]Observation{out, seen(Replacing, "", "B"), seen(Reorged, "B", ""), seen(Included, "", "D")},
			[]string{"reorged AD"},
		},
		{"settled is for good", []Observation{absent(0), pending, {Kind: Settled}, pending, {Kind: Settled}, in}, []string{"settled"}},
		{"replaced is for good", []Observation{pending, {Kind: Replaced}, pending, in}, []string{"replaced"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestInboxTakeReleasesMemory(t *testing.T) {
	var b Inbox
	b.Put(Observation{Kind: Pending})
	b.Take()
	if b.kept != nil || b.Len() != 0 {
		t.Errorf("an empty inbox holds %d, cap %d", b.Len(), cap(b.kept))
	}
	if o, ok := b.Take(); ok {
		t.Errorf("took %v of an empty inbox", o)
	}
}

// Whatever a source says, sensible or not, the inbox stays bounded.
func TestInboxIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Inbox
		block := rapid.SampledFrom([]string{"A", "B", "C", "D"})
		for i := range rapid.IntRange(1, 60).Draw(t, "n") {
			kind := Kind(rapid.IntRange(0, int(Settled)+1).Draw(t, "kind"))
			o := seen(kind, block.Draw(t, "from"), block.Draw(t, "to"))
			if rapid.Bool().Draw(t, "nowhere") {
				o.Inclusion = nil
			}
			o.Head, o.Endpoint = uint64(i), rapid.IntRange(-1, 100).Draw(t, "endpoint")
			b.Put(o)
			if b.Len() > InboxLimit {
				t.Fatalf("%d kept, at most %d are allowed: %v", b.Len(), InboxLimit, b.kept)
			}
			if rapid.IntRange(0, 5).Draw(t, "take") == 0 {
				b.Take()
			}
		}
	})
}
