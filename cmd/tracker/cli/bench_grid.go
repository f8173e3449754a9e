package cli

import (
	"fmt"

	"trackerfleet/cmd/tracker/bench"
	"trackerfleet/cmd/tracker/render"
)

func benchGrid(r bench.Result) render.Grid {
	number := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	percent := func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }
	or := func(v float64, format string) string {
		if v == 0 {
			return "not measured"
		}
		return fmt.Sprintf(format, v)
	}
	g := render.Grid{Columns: []string{"figure", "measured", "ceiling in this run", "share"}, Rows: [][]string{
		{"starts a second, durable and running", number(r.StartsPerSecond), number(r.Ceilings.BatchPerSecond/2) + " (bare batches, 2 messages each)", percent(r.Shares.Starts)},
		{"journal, messages a second", number(r.JournalPerSecond), number(r.Ceilings.BatchPerSecond) + " (bare batches)", percent(r.Shares.Journal)},
		{"lookups a second", number(r.LookupsPerSecond), number(r.Ceilings.RequestsPerSecond) + " (bare requests)", percent(r.Shares.Lookups)},
		{"lookup, median and 99 %", fmt.Sprintf("%.2f ms, %.2f ms", r.LookupP50MS, r.LookupP99MS), "", ""},
		{"restarts a second", number(r.RestartsPerSecond), "", ""},
		{"ends a second, stored", number(r.FinalsPerSecond), "", ""},
		{"resident bytes a tracker", number(r.RSSBytesPerTracker), number(r.Ceilings.GoroutineBytes) + " (a bare goroutine with a mailbox)", ""},
		{"heap bytes a tracker", number(r.HeapBytesPerTracker), "", ""},
		{"stream bytes a tracker", number(r.StoreBytesPerTracker), "", ""},
		{"resident bytes a tracker, server", or(r.ServerRSSBytesPerTracker, "%.0f"), "", ""},
		{"worker killed: first, half, all answer", fmt.Sprintf("%.1f s, %.1f s, %.1f s", r.RecoveryFirst, r.RecoveryHalf, r.RecoveryAll), "", ""},
		{"server killed: a lookup, a start", or(r.ServerRecoveryLookup, "%.1f s") + ", " + or(r.ServerRecoveryStart, "%.1f s"), "", ""},
		{"collector, share of the CPUs while idle", fmt.Sprintf("%.2f %%", 100*r.GCCPUShare), "", ""},
		{"collector, longest pause", fmt.Sprintf("%.2f ms", r.GCMaxPauseMS), "", ""},
	}}
	g.Notes = append(g.Notes, fmt.Sprintf("%d trackers, each of %s", r.Trackers, references[r.Reference]))
	for _, p := range r.Phases {
		g.Notes = append(g.Notes, fmt.Sprintf("%s: %d in %.1f s", p.Name, p.Count, p.Seconds))
	}
	return g
}
