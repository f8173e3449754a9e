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
	for _, degraded := range []bool{false, true, true, false, false, true} {
		psp.health = source.Health{Degraded: degraded, Error: "no answer within 10s"}
		w.sayDegraded()
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
