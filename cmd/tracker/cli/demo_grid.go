package cli

import (
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/demo"
	"trackerfleet/cmd/tracker/render"
)

func demoGrid(r demo.Result) render.Grid {
	g := render.Grid{Columns: []string{"check", "kept", "detail"}}
	for _, c := range r.Checks {
		kept := "yes"
		if !c.Held {
			kept = "NO"
		}
		g.Rows = append(g.Rows, []string{c.Name, kept, c.Detail})
	}
	for _, c := range r.Checks {
		for _, e := range c.Timeline {
			g.Notes = append(g.Notes, eventLine(e))
		}
	}
	ends := make(map[bus.Status]uint64, len(r.Ends))
	for s, n := range r.Ends {
		ends[s] = uint64(n)
	}
	g.Notes = append(g.Notes,
		"", fmt.Sprintf("%d transactions in %v: %s", r.Trackers, time.Duration(r.Elapsed), counted(ends)),
		fmt.Sprintf("%d events, %d superfluous starts, %d crashes on purpose", r.Events, r.Duplicates, r.Crashed),
		fmt.Sprintf("of the crashed, %d had just decided their end, %d came back on another worker", r.Spared, r.Moved),
	)
	if t := r.Takeover; t.Worker != "" {
		g.Notes = append(g.Notes, fmt.Sprintf("%s was killed with %d trackers on %d partitions; others answered for half of them after %v, for all after %v",
			t.Worker, t.Trackers, t.Partitions, time.Duration(t.Median), time.Duration(t.Longest)))
	}
	if r.Held {
		g.Notes = append(g.Notes, "every promise was kept")
	}
	return g
}
