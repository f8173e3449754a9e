package httppoll

import "time"

// page is one answer that holds many transactions.
type page struct {
	task
	values  string              // that fill the template
	watches map[string][]*watch // by the id of their item
}

// join adds w to the page of what fills the template. The page is asked for soon, though no sooner than the first interval after
// it was last answered, however many join.
func (s *Source) join(w *watch, values string, now int64) {
	p := s.pages[values]
	if p == nil {
		p = &page{values: values, watches: map[string][]*watch{}}
		p.task.page = p
		s.pages[values] = p
	}
	w.task.page, w.at = p, now
	p.watches[w.key] = append(p.watches[w.key], w)
	p.etag, p.step = "", 0 // an answer that is as before would not say where w is
	if p.flying {
		p.joined = true
		return
	}
	soon := now
	if p.last != 0 {
		soon = max(now, p.last+int64(s.cfg.Intervals[0]))
	}
	if p.index == 0 || p.at > soon {
		s.queue.put(&p.task, soon)
	}
}

// leave takes w out of its page, and the page out of the schedule when nobody is left.
func (s *Source) leave(w *watch) {
	p := w.page
	left := p.watches[w.key]
	for i, other := range left {
		if other == w {
			left[i] = left[len(left)-1]
			left = left[: len(left)-1 : len(left)-1]
			break
		}
	}
	if p.watches[w.key] = left; len(left) > 0 {
		return
	}
	if delete(p.watches, w.key); len(p.watches) == 0 {
		p.closed = true
		s.queue.remove(&p.task)
		delete(s.pages, p.values)
	}
}

// tell hands what a list says to those who watch its items, and reports whether any has moved.
func (p *page) tell(r reading, complete bool, now time.Time) (moved bool) {
	for id, watches := range p.watches {
		x, listed := r.items[id]
		for _, w := range watches {
			switch {
			case r.same && (w.told != absent || complete) && !w.told.final():
				x = said{meaning: w.told}
			case r.same, !listed && !complete:
				continue
			case !listed:
				x = said{meaning: absent}
			}
			if w.tell(x, now) {
				moved = true
			}
		}
	}
	return moved
}
