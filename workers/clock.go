package workers

import "time"

// clock tells the time where the wall clock may be set, even by an hour, while the worker runs. What passes between two moments of one
// process is measured by the monotonic clock and knows nothing of that. A deadline outlives the process and has to be a date; there are
// two of them once the wall clock was set: its own, and what it would show had nobody touched it since the worker began. Nobody knows
// which is right. A deadline is made by the later one, and judged, by whoever reads it from a record, by the earlier one: so a tracker
// may expire late by the difference, and never early. Sleep of the whole machine counts as a clock that was set.
type clock struct {
	began time.Time // with its monotonic reading
	date  time.Time // the wall clock's then
}

func newClock() clock {
	now := time.Now()
	return clock{began: now, date: now.Round(0)}
}

// moment is a point in time: its date, for what is stored, and the reading of the monotonic clock, to measure from.
type moment struct{ date, here time.Time }

// dates returns the earlier and the later date of now.
func (c clock) dates(now time.Time) (earlier, later time.Time) {
	set, untouched := now.Round(0), c.date.Add(now.Sub(c.began))
	if untouched.Before(set) {
		return untouched, set
	}
	return set, untouched
}

// ago returns the moment that was so long before now, by the later date.
func (c clock) ago(now time.Time, d time.Duration) moment {
	_, later := c.dates(now)
	return moment{date: later.Add(-d), here: now.Add(-d)}
}

// due returns when the deadline of a record that is read now comes, on the monotonic clock; the zero time if there is none.
func (c clock) due(deadline, now time.Time) time.Time {
	if deadline.IsZero() {
		return time.Time{}
	}
	earlier, _ := c.dates(now)
	return now.Add(deadline.Sub(earlier))
}
