package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// versions is a fleet of workers of this version and of the one before, told apart by their names, old-1 and new-1.
type versions struct {
	*fleet
	old string // path of the binary before
	all []*process.Worker
}

// newVersions starts a fleet of the version before.
func newVersions(t *testing.T) *versions {
	t.Helper()
	v := &versions{old: process.PreviousTracker(t), fleet: &fleet{server: process.StartServer(t)}}
	v.client = newClient(t, v.server.Connect(t))
	for _, name := range []string{"old-1", "old-2", "old-3"} {
		v.workers = append(v.workers, v.launch(t, name))
	}
	for _, w := range v.workers {
		w.AwaitReady(t)
	}
	v.awaitShared(t, v.workers...)
	return v
}

// launch starts a worker of the version that its name says.
func (v *versions) launch(t *testing.T, name string) *process.Worker {
	t.Helper()
	config := v.workerConfig(name)
	if strings.HasPrefix(name, "old-") {
		config.Binary = v.old
	}
	w := process.LaunchWorker(t, config)
	v.all = append(v.all, w)
	return w
}

// roll has worker i leave in order and one of the given name come in its place.
func (v *versions) roll(t *testing.T, i int, name string) {
	t.Helper()
	v.leave(t, v.workers[i])
	v.workers[i] = v.launch(t, name)
	v.workers[i].AwaitReady(t)
}

// crossings counts in the events how often a worker of one version decided on what one of the other had written.
func crossings(events []checker.Event) (forth, back int) {
	last := make(map[string]string)
	for _, e := range events {
		version, _, _ := strings.Cut(e.Worker, "-")
		switch last[e.ID] + " " + version {
		case "old new":
			forth++
		case "new old":
			back++
		}
		last[e.ID] = version
	}
	return forth, back
}

// decideAll crashes trackers of spawnLasting, so that whoever owns them now reads and writes their records.
func (l *load) decideAll(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s_lasting_%d", l.prefix, i)
		l.client.awaitPhase(t, id, "running")
		r := l.client.ask(t, "stop", fmt.Sprintf(`{"transaction_id":%q,"reason":"its_a_crash"}`, id))
		if r.Status != "restarted" {
			t.Errorf("a crash of %s is answered with %s", id, r.body)
		}
	}
}

// TestVersionsOneApartShareAFleet rolls a fleet of the version before to this one under load and look-ups, one worker back again,
// and then kills one worker of each with SIGKILL. Each version goes on from the records of the other, and nobody notices.
func TestVersionsOneApartShareAFleet(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	v := newVersions(t)
	l := newLoad(v.client, "version")
	stop := l.spawnLasting(t, watched)
	ids := make([]string, watched/4) // more would only cost time
	for i := range ids {
		ids[i] = fmt.Sprint("version_lasting_", i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	g, asking := watchLookups(ctx, newClient(t, v.server.Connect(t)), ids)
	kills := 0
	l.pour(t, 20*time.Millisecond, func() {
		for i := range v.workers {
			v.roll(t, i, fmt.Sprint("new-", i+1))
		}
		v.awaitShared(t, v.workers...)
		l.decideAll(t, watched)
		v.roll(t, 0, "old-4")
		v.awaitShared(t, v.workers...)
		l.decideAll(t, watched)
		g.report(t, "while rolling")

		for i, next := range []string{"old-5", "new-5"} { // old-4 and new-2 die
			l.awaitMore(t, 50)
			v.workers[i].Kill()
			kills++
			v.workers[i] = v.launch(t, next)
			v.workers[i].AwaitReady(t)
		}
	})
	cancel()
	asking.Wait()
	g.report(t, "with kills")
	if len(g.wrong) > 0 {
		t.Errorf("lookups of running trackers were answered wrong: %q", g.wrong)
	}
	stop()
	history, err := checker.Read(t.Context(), v.js, "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	forth, back := crossings(history.Events)
	t.Log(l.judge(t, map[string]int{
		"takeover by another worker": 0, "kill": kills,
		"decision of this version on a record of the one before": forth, "decision the other way round": back,
	}))
	t.Logf("%d records went from the old version to the new, %d back; writes refused by the fence: %v",
		forth, back, metrics(t, v.workers, "fenced_writes_total"))
	if lines := loud(v.all...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}
