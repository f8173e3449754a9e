package tracker

import (
	"math"
	"strconv"
	"sync"
	"time"

	"trackerfleet/workers/source"
)

// Waiting says in one line, for people, what has to come before r moves on, by what its policy asks for and how its source looks
// at it; nil is the policy that takes the first inclusion as final. It is "" unless r is running. What keeps the process or the
// source itself from moving is for others to say.
func (r *Record) Waiting(p *source.Policy, c source.Checks) string {
	if r.phase != running {
		return ""
	}
	if p == nil {
		p = &anyPolicy
	}
	room := sentences.Get().(*sentence)
	defer sentences.Put(room)
	s := (*room)[:0]
	switch {
	case r.place != nil:
		r.waitsForFinality(&s, p, c)
	case p.Confirmations == 0 && p.Finality == source.Depth:
		r.waitsForProvider(&s, p, c)
	case r.status == pending:
		s.say("a block that holds it")
		r.countLooks(&s, p)
	default:
		r.waitsForNode(&s, p)
	}
	*room = s
	return string(s)
}

// waitsForFinality says what an inclusion lacks to be final.
func (r *Record) waitsForFinality(s *sentence, p *source.Policy, c source.Checks) {
	pl := r.place
	if pl.By != "" {
		s.say("the transaction in its place, ").say(pl.By).say(", to be final: ")
	}
	switch p.Finality {
	case source.Safe, source.Finalized:
		known := c.Finalized
		if p.Finality == source.Safe {
			known = max(known, c.Safe)
		}
		s.say("the ").say(p.Finality.String()).say(" head to reach block ").number(pl.Number)
		if known == 0 {
			s.say(", it is not known yet")
		} else {
			s.say(", it is at ").number(known)
		}
		return
	}
	need, head := max(1, p.Confirmations), max(c.Head, r.head)
	have := pl.have(head)
	if have >= need {
		s.say("its last confirmation, at block ").number(pl.Number + need - 1).say(", to be handed over")
		return
	}
	s.number(need - have).say(" more ").say(plural(need-have, "confirmation")).say(" (").number(have).say(" of ").number(need).say(")")
	if final := pl.Number + need - 1; final >= pl.Number {
		s.say(": final at block ").number(final).say(", the head is ").number(head)
	}
}

// waitsForProvider says what an authority without blocks has to say.
func (r *Record) waitsForProvider(s *sentence, p *source.Policy, c source.Checks) {
	switch {
	case r.sight == nil:
		s.say("the provider's first answer")
	case r.status == pending:
		s.say("the provider to settle it")
		r.countLooks(s, p)
	default:
		s.say("the provider to know it")
		r.countVain(s)
		if p.DropAge > 0 {
			s.say("; dropped if it does not by ").time(r.sight.since.time().Add(p.DropAge))
		}
	}
	if !c.Next.IsZero() {
		s.say("; next asked at ").time(c.Next)
	}
}

// waitsForNode says who has to know the transaction, and until when.
func (r *Record) waitsForNode(s *sentence, p *source.Policy) {
	if r.sight == nil {
		s.say("the source's first answer")
		return
	}
	s.say("a node to know it")
	if r.status == missing {
		s.say(" again")
	}
	r.countVain(s)
	if p.DropAfter == 0 {
		return
	}
	last := r.sight.lastSeen
	if last == 0 {
		last = r.startedAt
	}
	height := r.sight.height + min(p.DropAfter, math.MaxUint64-r.sight.height)
	s.say("; dropped at block ").number(height).say(" and not before ").time(last.time().Add(p.DropMinAge))
}

// countVain says how often the transaction was looked for in vain.
func (r *Record) countVain(s *sentence) {
	if r.sight.lastSeen != 0 {
		s.say(": last seen at ").time(r.sight.lastSeen.time()).say(", ")
	} else {
		s.say(": unseen in ")
	}
	checks := uint64(r.sight.checks)
	s.number(checks).say(" ").say(plural(checks, "look"))
	if r.sight.lastSeen != 0 {
		s.say(" in vain since")
	}
	if r.sight.several {
		s.say(" of several endpoints")
	}
}

// countLooks says how often what was seen was looked for in vain since, if it was.
func (r *Record) countLooks(s *sentence, p *source.Policy) {
	looks := uint64(r.sightOf().looks)
	if looks == 0 {
		return
	}
	need := p.MissingChecks
	if need <= 0 {
		need = defaultMissingChecks
	}
	s.say("; ").number(looks).say(" ").say(plural(looks, "look")).say(" in vain since it was last seen, ").
		number(uint64(need)).say(" make it missing")
}

// sentence is a line in the making. A lookup makes one, so it does without formats.
type sentence []byte

// sentences holds the room that they are made in.
var sentences = sync.Pool{New: func() any { return new(sentence) }}

func (s *sentence) say(words string) *sentence {
	*s = append(*s, words...)
	return s
}

func (s *sentence) number(n uint64) *sentence {
	*s = strconv.AppendUint(*s, n, 10)
	return s
}

func (s *sentence) time(t time.Time) *sentence {
	*s = t.UTC().AppendFormat(*s, time.RFC3339)
	return s
}

func plural(n uint64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
