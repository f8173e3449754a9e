package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/workers/source"
)

// diagnoseSource makes the source of a profile, which follows nothing, and has it say what is right and wrong.
func diagnoseSource(ctx context.Context, name string, profile config.Source) (found []finding) {
	what := "source " + name
	defer func() {
		if r := recover(); r != nil {
			found = append(found, about(what, "", source.Faulty, fmt.Sprintf("the check itself panics: %v", r), "this is a bug; report it"))
		}
	}()
	src, err := profile.New()
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			found = append(found, about(what, "", source.Faulty, strings.TrimSpace(line), "see sources."+name+" in the configuration"))
		}
		return found
	}
	var said []source.Finding
	if d, ok := src.(source.Diagnoser); ok {
		said = d.Diagnose(ctx)
	} else {
		said = watchHealth(ctx, src)
	}
	for _, f := range said {
		found = append(found, about(what, f.Subject, f.Severity, f.Message, f.Remedy))
	}
	if len(found) == 0 {
		found = append(found, about(what, "", source.Warning, "the source says nothing of itself", ""))
	}
	return found
}

// healthEvery is the pause between two looks at the health of a source that is tried out.
const healthEvery = 20 * time.Millisecond

// watchHealth runs a source that cannot diagnose itself until it shows a head or trouble, or ctx ends, and says how it is then.
func watchHealth(ctx context.Context, src source.Source) []source.Finding {
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- src.Run(running) }()
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	var failure error
	h := src.Health()
	for ctx.Err() == nil && failure == nil && !h.Degraded && h.HeadAt.IsZero() {
		select {
		case <-ctx.Done():
		case failure = <-ended:
			ended <- failure
		case <-tick.C:
		}
		h = src.Health()
	}
	cancel()
	<-ended
	return healthFindings(h, failure)
}

// healthFindings says in findings what a health says.
func healthFindings(h source.Health, failure error) []source.Finding {
	var found []source.Finding
	switch {
	case failure != nil:
		found = append(found, source.Finding{Severity: source.Faulty, Message: "does not run: " + failure.Error()})
	case h.Degraded:
		found = append(found, source.Finding{Severity: source.Faulty, Message: "cannot be followed: " + h.Error})
	case !h.HeadAt.IsZero():
		found = append(found, source.Finding{Message: fmt.Sprintf("can be followed, the head is %d", h.Head)})
	default:
		found = append(found, source.Finding{Severity: source.Warning, Message: "runs, and has shown neither a head nor trouble while it was looked at"})
	}
	for _, e := range h.Endpoints {
		f := source.Finding{Subject: e.Name, Message: "answers"}
		if !e.Healthy {
			f.Severity, f.Message = source.Warning, "is not healthy"
			if e.Error != "" {
				f.Message += ": " + e.Error
			}
		}
		found = append(found, f)
	}
	for _, notice := range h.Notices {
		found = append(found, source.Finding{Severity: source.Warning, Message: notice})
	}
	return found
}
