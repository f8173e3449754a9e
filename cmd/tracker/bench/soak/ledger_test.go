package soak

import (
	"testing"
	"time"

	"trackerfleet/bus"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// story is a ledger and the events that it is told, a second apart.
type story struct {
	*ledger
	now time.Time
}

func newStory() *story { return &story{ledger: &ledger{plan: plan}, now: noon} }

func (s *story) tell(number int, n uint64, eventType string) {
	s.now = s.now.Add(time.Second)
	s.observe(&bus.Event{TransactionID: plan.id(number), Type: eventType, N: n, At: s.now}, s.now.Add(time.Millisecond))
}

func TestLedger_takesARightCourse(t *testing.T) {
	s := newStory()
	confirming, stopped := s.add(noon.Add(3*time.Second)), s.add(time.Time{})
	s.tell(confirming, 1, bus.EventStarted) // before the start is answered
	s.accept([]int{confirming, stopped})
	s.tell(stopped, 1, bus.EventStarted)
	if !s.crashing(stopped) || s.crashing(stopped) {
		t.Error("it can be crashed once, until it is back")
	}
	s.tell(stopped, 2, bus.EventRestarted)
	s.crashed(stopped, true)
	if open, down := s.open(); open != 2 || down != 0 {
		t.Errorf("%d open, %d down", open, down)
	}
	s.tell(confirming, 2, string(bus.StatusConfirmed))
	if got := s.surplus(1); got != nil {
		t.Errorf("too many: %v", got)
	}
	if got := s.surplus(0); len(got) != 1 || got[0] != stopped {
		t.Errorf("too many: %v", got)
	}
	s.tell(stopped, 3, string(bus.StatusStopped))
	want := Counts{Started: 2, Confirmed: 1, Stopped: 1, Crashed: 1, Restarted: 1, Events: 5}
	counts, lags := s.take()
	if open, down := s.open(); open != 0 || down != 0 || counts != want || len(lags) != 5 || lags[0] != time.Millisecond {
		t.Errorf("%d open, %d down, %+v, lags %v; %q", open, down, counts, lags, s.faults)
	}
}

func TestLedger_findsWhatCannotBe(t *testing.T) {
	for name, tell := range map[string]func(s *story){
		"gap":                     func(s *story) { s.tell(0, 3, bus.EventPending) },
		"event twice":             func(s *story) { s.tell(0, 1, bus.EventStarted) },
		"confirmed, never in one": func(s *story) { s.tell(0, 2, string(bus.StatusConfirmed)) },
		"stopped by nobody":       func(s *story) { s.tell(0, 2, string(bus.StatusStopped)) },
		"event after the end":     func(s *story) { s.surplus(0); s.tell(0, 2, string(bus.StatusStopped)); s.tell(0, 3, bus.EventPending) },
		"second end": func(s *story) {
			s.surplus(0)
			s.tell(0, 2, string(bus.StatusStopped))
			s.tell(0, 3, string(bus.StatusStopped))
		},
		"confirmed before its due": func(s *story) { n := s.add(noon.Add(time.Hour)); s.tell(n, 1, string(bus.StatusConfirmed)) },
		"never confirmed": func(s *story) {
			s.accept([]int{s.add(noon.Add(time.Second))})
			s.alive(noon.Add(time.Second + overdue))
		},
	} {
		s := newStory()
		s.accept([]int{s.add(time.Time{})})
		s.tell(0, 1, bus.EventStarted)
		if counts := s.counted(); counts.Wrong != 0 {
			t.Fatalf("%s: wrong from the beginning: %q", name, s.faults)
		}
		if tell(s); s.counted().Wrong == 0 || len(s.faults) == 0 {
			t.Errorf("%s: nobody notices", name)
		}
	}
}

func TestLedger_leavesOthersAlone(t *testing.T) {
	s := newStory()
	for _, name := range []string{"txn_1", "soak_test_x", "soak_test_000000009"} {
		id, err := bus.ParseID(name)
		if err != nil {
			t.Fatal(err)
		}
		s.observe(&bus.Event{TransactionID: id, Type: bus.EventPending, N: 7}, noon)
	}
	if counts := s.counted(); counts != (Counts{}) {
		t.Errorf("%+v", counts)
	}
}

func TestQuestion_knowsRightAnswers(t *testing.T) {
	var (
		found    = bus.LookupReply{Status: bus.LookupFound, Tracker: &bus.Tracker{Phase: bus.PhaseRunning}}
		stopped  = bus.LookupReply{Status: bus.LookupFound, Tracker: &bus.Tracker{Phase: bus.PhaseFinished, Status: bus.StatusStopped}}
		done     = bus.LookupReply{Status: bus.LookupFound, Tracker: &bus.Tracker{Phase: bus.PhaseFinished, Status: bus.StatusConfirmed}}
		nothing  = bus.LookupReply{Status: bus.LookupNotFound}
		stranger = entry{}
		asked    = entry{asked: true}
		runs     = entry{asked: true, accepted: true, events: 2}
		stopping = entry{asked: true, accepted: true, events: 2, stopping: true}
		due      = entry{asked: true, accepted: true, events: 2, due: noon.Add(-time.Second)}
		ended    = func(ago time.Duration) entry {
			return entry{asked: true, accepted: true, events: 3, stopping: true, ended: noon.Add(-ago)}
		}
	)
	const retention = 10 * time.Minute
	for _, tt := range []struct {
		name          string
		before, after entry
		reply         bus.LookupReply
		right         bool
	}{
		{"a stranger", stranger, stranger, nothing, true},
		{"a stranger who is found", stranger, stranger, found, false},
		{"one that starts", asked, asked, nothing, true},
		{"one that has just started", asked, runs, found, true},
		{"one that runs", runs, runs, found, true},
		{"one that runs and is lost", runs, runs, nothing, false},
		{"one that runs and has ended", runs, runs, stopped, false},
		{"one that is being stopped", runs, stopping, stopped, true},
		{"one that is being stopped, and confirmed", runs, stopping, done, false},
		{"one that is due", due, due, done, true},
		{"one that is due, and not confirmed yet", due, due, found, true},
		{"one that has ended", ended(time.Minute), ended(time.Minute), stopped, true},
		{"one that has ended, and runs", ended(time.Minute), ended(time.Minute), found, false},
		{"one that has ended, and is forgotten too early", ended(time.Minute), ended(time.Minute), nothing, false},
		{"one that may be forgotten, and is", ended(retention), ended(retention), nothing, true},
		{"one that may be forgotten, and is not", ended(retention), ended(retention), stopped, true},
		{"one that is forgotten", ended(time.Hour), ended(time.Hour), nothing, true},
		{"one that must be forgotten, and is not", ended(time.Hour), ended(time.Hour), stopped, false},
		{"what cannot be known", runs, runs, bus.LookupReply{Status: bus.LookupUnavailable}, false},
	} {
		q := question{before: tt.before, after: tt.after, asked: noon, told: noon, retention: retention}
		if err := q.check(tt.reply); (err == nil) != tt.right {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
