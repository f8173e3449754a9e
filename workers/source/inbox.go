package source

// InboxLimit is how many observations an [Inbox] holds at most.
const InboxLimit = 7

// Inbox keeps the observations of one transaction until its tracker gets to them, merged so that there are never more than
// [InboxLimit] however slow the tracker is. The zero value is empty and ready. Its owner guards it.
//
// What was observed later wins, and nothing is lost that changes where the tracker ends, as long as the chain keeps its
// finality:
//
//   - Absent, Pending and Advanced replace an older one of their kind; Absent adds its looks to those it replaces.
//     Pending replaces Absent, and being in a block replaces both.
//   - The first inclusion stays, and so does an advance that came before the first reorganisation: it may have been final.
//   - Reorganisations in a row become one, from where the first began to where the last ended. Back where the first began is
//     an advance. Out and in again is one too.
//   - After [Replaced] or [Settled], which are for good, nothing is kept.
type Inbox struct{ kept []Observation }

// Put adds an observation that was made after all that were put before.
func (b *Inbox) Put(o Observation) { b.kept = merge(b.kept, o) }

// Take removes and returns the oldest observation; false if there is none.
func (b *Inbox) Take() (Observation, bool) {
	if len(b.kept) == 0 {
		return Observation{}, false
	}
	o := b.kept[0]
	if b.kept = b.kept[1:]; len(b.kept) == 0 {
		b.kept = nil
	}
	return o, true
}

// Len returns how many observations there are to take.
func (b *Inbox) Len() int { return len(b.kept) }

// Looks returns how many looks in vain an [Absent] observation stands for, and at which endpoints: bit n for endpoint n, the
// last bit for all beyond.
func (o Observation) Looks() (checks int, endpoints uint64) {
	return max(1, o.Checks), o.Asked | 1<<min(max(o.Endpoint, 0), 63)
}
