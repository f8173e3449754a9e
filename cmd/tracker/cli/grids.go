package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

// trackerGrid shows one tracker as names and values.
func trackerGrid(t *bus.Tracker) render.Grid {
	var g render.Grid
	add := func(name, value string) {
		if value != "" {
			g.Rows = append(g.Rows, []string{name, value})
		}
	}
	add("transaction", t.TransactionID.String())
	add("status", string(t.Status)+haveNeed(t.Progress, " "))
	add("phase", string(t.Phase))
	add("source", t.Source)
	add("worker", t.Worker)
	add("process", pid(t)+fmt.Sprintf("  partition %d, run %d, %d restarts, %d events", t.Partition, t.Run, t.Restarts, t.Events))
	add("started", stamp(&t.StartedAt))
	add("updated", stamp(&t.UpdatedAt))
	add("waiting for", t.WaitingFor)
	add("last check", strings.TrimSpace(stamp(t.LastCheckAt)+"  "+t.LastCheckEndpoint))
	add("next check", stamp(t.NextCheckAt))
	add("deadline", stamp(t.Deadline))
	if e := t.LastError; e != nil {
		add("last error", stamp(&e.At)+"  "+e.Message)
	}
	if result := string(t.Result); result != "null" {
		add("result", result)
	}
	add("labels", labels(t.Labels))
	add("meta", string(t.Meta))
	return g
}

// answerGrid shows what became of a request and the tracker in one line.
func answerGrid(status string, t *bus.Tracker) render.Grid {
	if t == nil {
		return render.Grid{Notes: []string{status}}
	}
	return render.Grid{
		Columns: []string{"answer", "transaction", "status", "phase", "process", "worker"},
		Rows:    [][]string{{status, t.TransactionID.String(), string(t.Status), string(t.Phase), pid(t), t.Worker}},
	}
}

// listGrid shows one page; without all it says how to get the next.
func listGrid(reply bus.ListReply, all bool) render.Grid {
	g := render.Grid{Columns: []string{"transaction", "status", "progress", "phase", "source", "worker", "process", "restarts", "updated"}}
	for i := range reply.Trackers {
		t := &reply.Trackers[i]
		g.Rows = append(g.Rows, []string{
			t.TransactionID.String(), string(t.Status), haveNeed(t.Progress, ""), string(t.Phase), t.Source, t.Worker, pid(t),
			strconv.FormatUint(t.Restarts, 10), stamp(&t.UpdatedAt),
		})
	}
	switch {
	case reply.Cursor == "":
		g.Notes = append(g.Notes, fmt.Sprintf("%d shown of %d tracked", len(g.Rows), reply.Counts.Total))
	case !all:
		g.Notes = append(g.Notes, fmt.Sprintf("%d shown of %d tracked; more with --cursor %s", len(g.Rows), reply.Counts.Total, reply.Cursor))
	}
	return g
}

// pid is what a pid is in Elixir: it changes exactly when a new goroutine takes over.
func pid(t *bus.Tracker) string { return fmt.Sprintf("<%d.%d>", t.Epoch, t.Incarnation) }

func haveNeed(p *bus.Progress, before string) string {
	if p == nil {
		return ""
	}
	if p.Need == 0 { // final by a head of another kind, which waiting_for names
		return fmt.Sprintf("%s%d", before, p.Have)
	}
	return fmt.Sprintf("%s%d/%d", before, p.Have, p.Need)
}

func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05.000")
}

func labels(m map[string]string) string {
	pairs := make([]string, 0, len(m))
	for k, v := range m {
		pairs = append(pairs, k+"="+v)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, " ")
}
