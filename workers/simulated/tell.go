package simulated

import (
	"math"
	"time"

	"trackerfleet/workers/source"
)

// observation returns an observation without its details.
func (s *Source) observation(kind source.Kind, now time.Time) source.Observation {
	return source.Observation{Kind: kind, At: now, Head: s.heads.latest, Safe: s.heads.safe, Finalized: s.heads.finalized}
}

// tell tells the observer what differs between what it was told and what was seen, and all of it if it was asked for.
// lost is the block of a hint that the chain never had.
func (s *Source) tell(w *watch, seen sight, lost *source.BlockRef, now time.Time) {
	switch {
	case lost != nil:
		s.tellReorg(w, &source.Inclusion{Block: *lost}, seen, now)
	case w.told.inBlock() && w.place() != seen.place:
		s.tellReorg(w, s.outside.inclusion(&w.tx, w.place()), seen, now)
	}
	if seen.kind.inBlock() {
		s.tellInBlock(w, seen, now)
		return
	}
	if seen.kind == pending && !s.answersNull(w) {
		if w.told != pending || w.asked {
			o := s.observation(source.Pending, now)
			o.Pending = s.outside.details(&w.tx)
			w.observer.Observe(o)
		}
		w.told, w.absences = pending, 0
		return
	}
	o := s.observation(source.Absent, now)
	o.Endpoint, o.Endpoints = int(w.absences)%s.config.Endpoints, s.config.Endpoints
	w.told = unseen
	if w.absences < math.MaxUint8 {
		w.absences++
	}
	w.observer.Observe(o)
}

// tellInBlock tells that the transaction, or another one in its place, is in a block, unless the observer knows.
func (s *Source) tellInBlock(w *watch, seen sight, now time.Time) {
	if w.told.inBlock() && w.place() == seen.place && !w.asked {
		return
	}
	o := s.observation(source.Included, now)
	o.Inclusion = s.outside.inclusion(&w.tx, seen.place)
	if seen.kind == taken {
		o.Kind = source.Replacing
		o.By, o.Replacement = s.outside.replacement(&w.tx)
	}
	w.told, w.absences = seen.kind, 0
	w.observer.Observe(o)
}

// tellReorg tells that the block it was in is not canonical any more, and where the transaction is instead.
func (s *Source) tellReorg(w *watch, from *source.Inclusion, seen sight, now time.Time) {
	o := s.observation(source.Reorged, now)
	o.From, o.Depth = from, seen.depth
	if o.Depth == 0 {
		o.Depth = 1 + s.heads.latest - min(s.heads.latest, from.Block.Number)
	}
	w.told, w.absences = unseen, 0
	w.move(seen.place)
	if seen.kind.inBlock() {
		o.Inclusion = s.outside.inclusion(&w.tx, seen.place)
		if seen.kind == taken {
			o.By, o.Replacement = s.outside.replacement(&w.tx)
		}
		w.told, w.asked = seen.kind, false
	}
	w.observer.Observe(o)
}

// answersNull reports whether an endpoint answers the look-up of a pending transaction with "unknown".
func (s *Source) answersNull(w *watch) bool {
	share := s.nullShare()
	return share > 0 && w.tx.key.share(drawNull, s.round) < share
}
