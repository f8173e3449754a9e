package workers

import (
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// setBy returns the clock of a worker that began an hour ago and whose wall clock was set by d since.
func setBy(now time.Time, d time.Duration) clock {
	began := now.Add(-time.Hour)
	return clock{began: began, date: began.Round(0).Add(-d)}
}

// TestDeadlineIsNeverEarlyThoughTheClockWasSet has a tracker started by one worker and taken over by another, both of which began with the
// right date, and an administrator has set the wall clock of one of them.
func TestDeadlineIsNeverEarlyThoughTheClockWasSet(t *testing.T) {
	const timeout = 30 * time.Minute
	now := time.Now()
	for _, c := range []struct {
		name         string
		first, other time.Duration // by how much the wall clocks were set; now is what the first one says
		late         time.Duration // that the other one may be
	}{
		{"not at all", 0, 0, 0},
		{"ahead where it starts", time.Hour, 0, time.Hour},
		{"back where it starts", -time.Hour, 0, 0},
		{"ahead where it goes", 0, time.Hour, 0},
		{"back where it goes", 0, -time.Hour, time.Hour},
		{"ahead where it starts, back where it goes", time.Hour, -time.Hour, 2 * time.Hour},
		{"back where it starts, ahead where it goes", -time.Hour, time.Hour, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			accepted := setBy(now, c.first).ago(now, 0)
			if got := accepted.here.Add(timeout).Sub(now); got != timeout {
				t.Errorf("where it starts it expires after %s", got)
			}
			there := now.Add(c.other - c.first) // the same moment, as the other one's wall clock tells it
			due := setBy(there, c.other).due(accepted.date.Add(timeout), there).Sub(there)
			if due < timeout || due > timeout+c.late {
				t.Errorf("where it goes it expires after %s, want %s and at most %s more", due, timeout, c.late)
			}
		})
	}
}

// TestClockThatIsCorrectedMakesNothingExpireEarly: the worker began with a date an hour ahead, or behind, and was set right. Of what it
// starts and reads from then on nothing expires early.
func TestClockThatIsCorrectedMakesNothingExpireEarly(t *testing.T) {
	const timeout = 30 * time.Minute
	now := time.Now()
	for _, correction := range []time.Duration{time.Hour, -time.Hour} {
		c := setBy(now, correction)
		if made := c.ago(now, 0).date.Add(timeout); made.Before(now.Round(0).Add(timeout)) {
			t.Errorf("set by %s it makes the deadline %s, %s from now", correction, made, made.Sub(now))
		}
		if due := c.due(now.Round(0).Add(timeout), now).Sub(now); due < timeout {
			t.Errorf("set by %s it lets a tracker expire after %s", correction, due)
		}
	}
}

// TestTrackerExpiresWhenItsTimeHasPassedWhateverTheDateIs has a deadline come on the monotonic clock while the wall clock, which was set
// back, says that there is an hour left. The event is not dated before the deadline.
func TestTrackerExpiresWhenItsTimeHasPassedWhateverTheDateIs(t *testing.T) {
	c := bareCell(t, "one")
	req := bus.StartRequest{TransactionID: c.record.Load().ID(), Source: "sim", Timeout: bus.Duration(time.Hour)}
	c.record.Store(tracker.Start(time.Now(), req, bus.Trace{}).Next.Owned(1, 1))
	c.part.worker.expire(c)
	in, ok := c.take(everything)
	if !ok {
		t.Fatal("it was not asked to expire")
	}
	d := in.decide(c.record.Load(), time.Now())
	if !d.Terminal() || d.Events[0].Type != string(bus.StatusExpired) || !d.Events[0].At.Equal(c.record.Load().Deadline()) {
		t.Errorf("it decides on %+v, want to expire at %s", d.Events, c.record.Load().Deadline())
	}
}

// TestWaitIsMeasuredByOneClockAtATime: the server's clock and the worker's differ by hours, and what a start has waited is told right.
func TestWaitIsMeasuredByOneClockAtATime(t *testing.T) {
	here := time.Now()
	for _, wrong := range []time.Duration{0, 5 * time.Hour, -5 * time.Hour} {
		server := here.Add(wrong).Round(0)
		s := sighting{last: 10, at: server, here: here}
		for _, c := range []struct {
			name     string
			sequence uint64
			at       time.Time
			want     time.Duration
		}{
			{"it lay there when the stream was seen", 10, server.Add(-time.Minute), time.Minute + time.Second},
			{"it came since", 11, server.Add(time.Second), 0},
			{"it came since, and the server's clock fell back", 11, server.Add(-time.Hour), 0},
			{"it lay there, and the server's clock fell back before the stream was seen", 9, server.Add(time.Hour), time.Second},
		} {
			if got := s.waited(c.sequence, c.at, here.Add(time.Second)); got != c.want {
				t.Errorf("%s, with a clock that differs by %s: %s, want %s", c.name, wrong, got, c.want)
			}
		}
	}
}
