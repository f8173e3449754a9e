package workers

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"trackerfleet/workers/source"
)

// ailing is a source of which there is only its health.
type ailing struct {
	source.Source
	health source.Health
}

func (a *ailing) Health() source.Health { return a.health }

func TestADegradedSourceIsSaidOnceAndItsRecoveryOnce(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	psp, sim := &ailing{}, &ailing{}
	w := &Worker{log: zap.New(core), profiles: map[string]*profile{
		"psp": {name: "psp", source: psp}, "sim": {name: "sim", source: sim},
	}}
	begun := time.Unix(1000, 0)
	for i, degraded := range []bool{false, true, true, false, true, false, false, false, false, true} {
		psp.health = source.Health{Degraded: degraded, Error: "no answer within 10s"}
		w.sayDegraded(begun.Add(time.Duration(i) * time.Second))
	}
	var got []string
	for _, entry := range logs.All() {
		got = append(got, entry.Message)
		if name := entry.ContextMap()["source"]; name != "psp" {
			t.Errorf("%s of %v", entry.Message, name)
		}
	}
	if len(got) != 3 || got[0] != "source degraded" || got[1] != "source recovered" || got[2] != "source degraded" {
		t.Errorf("said %q", got)
	}
	if reason := logs.All()[0].ContextMap()["reason"]; reason != "no answer within 10s" {
		t.Errorf("reason %v", reason)
	}
}

// A source that comes and goes every few seconds is told of ever more seldom, and as at first once it was well for long.
func TestASourceThatComesAndGoesIsNotToldOfEachTime(t *testing.T) {
	var c condition
	said := map[news]int{}
	now := time.Unix(1000, 0)
	for range 3600 { // a second well, a second not
		said[c.see(true, now)]++
		now = now.Add(time.Second)
		said[c.see(false, now)]++
		now = now.Add(time.Second)
	}
	if said[worse] != 1 || said[better] != 0 {
		t.Errorf("going every second it was said to be worse %d times and better %d times", said[worse], said[better])
	}
	clear(said)
	for range 120 { // half a minute well, half a minute not
		for i := range 60 {
			said[c.see(i < 30, now)]++
			now = now.Add(time.Second)
		}
	}
	if said[worse] > 6 || said[better] > 6 {
		t.Errorf("in two hours it was said to be worse %d times and better %d times", said[worse], said[better])
	}
	for range 2 * 3600 {
		c.see(false, now)
		now = now.Add(time.Second)
	}
	if c.see(true, now) != worse || c.calm != calmBase {
		t.Errorf("after two hours it is %+v", c)
	}
}

func TestAnOutageKeepsSinceWhenItIs(t *testing.T) {
	p := &profile{}
	begun := time.Unix(1000, 0)
	for i, step := range []struct {
		health source.Health
		want   *outage
	}{
		{source.Health{}, nil},
		{source.Health{Degraded: true, Error: "refused"}, &outage{begun.Add(time.Second), "refused"}},
		{source.Health{Degraded: true, Error: "refused"}, &outage{begun.Add(time.Second), "refused"}},
		{source.Health{Degraded: true, Error: "no answer"}, &outage{begun.Add(time.Second), "no answer"}},
		{source.Health{Error: "no answer"}, nil},
		{source.Health{Degraded: true, Error: "refused"}, &outage{begun.Add(5 * time.Second), "refused"}},
	} {
		p.noteOutage(step.health, begun.Add(time.Duration(i)*time.Second))
		if got := p.outage.Load(); (got == nil) != (step.want == nil) || got != nil && *got != *step.want {
			t.Errorf("step %d: %+v, want %+v", i, got, step.want)
		}
	}
}
