package integration

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"trackerfleet/integration/process"
)

// promise is one sentence of the article and what holds it against the fleet. Each runs on an ID of its own.
type promise struct {
	sentence string
	test     func(t *testing.T, f *fleet, id string)
}

// TestArticleProblems: "If we were to implement our own custom wiring, we would have to do the following".
func TestArticleProblems(t *testing.T) {
	t.Parallel()
	keep(t, []promise{
		{"Start a new tracker process (a GenServer) attached to a DynamicSupervisor.", startedAndSupervised},
		{"Register the tracker process with the registry.", foundAtOnce},
		{"Invoke the process by looking up the registry for the process ID.", invokedByName},
		{"Make sure the registry handles the process's crash, and remove the process from the registry.", deadOneIsNeverReturned},
		{"Make sure the registry knows when the process is restarted and registers the new process ID back.", newPidIsRegistered},
		{"Deregister the process from the registry when it shuts down.", nameIsFreeAfterStop},
	})
}

// TestArticleAutomation: "This one-line call would automatically".
func TestArticleAutomation(t *testing.T) {
	t.Parallel()
	keep(t, []promise{
		{"Start a new TransactionTracker GenServer for the given transaction ID.", oneStartedEvent},
		{"Register the tracker with TransactionTracker.Registry.", oneOfManyRacersWins},
		{"Register the tracker with TransactionTracker.TrackerSupervisor.", startedAndSupervised},
		{"Restart the tracker when it shuts down abnormally.", restartedOnlyWhenAbnormal},
		{"Return the correct process ID lookup even after a tracker restart.", newPidIsRegistered},
		{"Deregister the tracker on expected shutdown.", nameIsFreeAfterStop},
		{"Allow interactions with the process via the returned pid or by looking up.", invokedByName},
	})
}

// TestArticleBenefits: "we're able to reap the following benefits when executing long-running tasks".
func TestArticleBenefits(t *testing.T) {
	t.Parallel()
	keep(t, []promise{
		{"A one-liner way to start a long-running process, encapsulating away the registry and supervisor.", oneLineStarts},
		{"The process, when it goes woowoo, gets restarted automatically by the supervisor.", panicIsRestarted},
		{"The registry handles a process's shutdown automatically, so no need to worry about deregistering dead processes.", deadOneIsNeverReturned},
		{
			"The process can be looked up via the registry with ease, using our own arbitrary identifier, and works across process crashes.",
			arbitraryNamesSurviveCrashes,
		},
	})
}

func keep(t *testing.T, promises []promise) {
	f := newFleet(t, "w-1")
	for i, p := range promises {
		t.Run(p.sentence, func(t *testing.T) {
			p.test(t, f, fmt.Sprintf("%s_%d", t.Name()[:strings.Index(t.Name(), "/")], i))
		})
	}
}

// spawn starts a tracker that lives until it is stopped.
func (c *client) spawn(t testing.TB, id string) object {
	t.Helper()
	r := c.want(t, "created", "spawn", fmt.Sprintf(`{"transaction_id":%s,"params":%s}`, quote(id), forever))
	if r.Tracker.ID != id || r.Tracker.Phase != "running" {
		t.Fatalf("created is %s", r.body)
	}
	return r.Tracker
}

func named(id string) string { return fmt.Sprintf(`{"transaction_id":%s}`, quote(id)) }

func startedAndSupervised(t *testing.T, f *fleet, id string) {
	f.spawn(t, id)
	children := f.ask(t, "list", `{"filter":"phase:running","limit":1000}`)
	for _, child := range children.Trackers {
		if child.ID == id {
			return
		}
	}
	t.Errorf("%s is not among the running children: %s", id, children.body)
}

func foundAtOnce(t *testing.T, f *fleet, id string) {
	started := f.spawn(t, id)
	found := f.want(t, "found", "lookup", id)
	if found.Tracker.pid() != started.pid() || found.Stale {
		t.Errorf("started %s, found %s", started.pid(), found.body)
	}
}

func invokedByName(t *testing.T, f *fleet, id string) {
	started := f.spawn(t, id)
	for _, op := range []string{"ping", "state", "refresh"} {
		r := f.want(t, "ok", "call", fmt.Sprintf(`{"transaction_id":%s,"op":%q}`, quote(id), op))
		if r.Tracker.pid() != started.pid() {
			t.Errorf("%s was answered by %s, want %s", op, r.Tracker.pid(), started.pid())
		}
	}
}

func deadOneIsNeverReturned(t *testing.T, f *fleet, id string) {
	started := f.spawn(t, id)
	if r := f.ask(t, "call", fmt.Sprintf(`{"transaction_id":%s,"op":"crash"}`, quote(id))); r.code() != 410 || r.Error.Code != "crashed" {
		t.Fatalf("a call that the tracker died of: %s", r.body)
	}
	// From now on the dead one is gone, at any moment: what is found is the next one, or the wait for it.
	process.Await(t, patience, func() error {
		r := f.want(t, "found", "lookup", id)
		if r.Tracker.Phase == "running" {
			if r.Tracker.pid() == started.pid() {
				t.Fatalf("the dead process was found: %s", r.body)
			}
			return nil
		}
		if r.Tracker.Phase != "backoff" && r.Tracker.Phase != "starting" {
			t.Fatalf("after a crash: %s", r.body)
		}
		return errors.New("it does not run again")
	})
}

func newPidIsRegistered(t *testing.T, f *fleet, id string) {
	started := f.spawn(t, id)
	r := f.want(t, "restarted", "stop", fmt.Sprintf(`{"transaction_id":%s,"reason":"its_a_crash"}`, quote(id)))
	found := f.want(t, "found", "lookup", id)
	if found.Tracker.pid() != r.Tracker.pid() || found.Tracker.pid() == started.pid() || found.Tracker.Phase != "running" {
		t.Errorf("was %s, restarted as %s, found %s", started.pid(), r.Tracker.pid(), found.body)
	}
	if called := f.want(t, "ok", "call", id); called.Tracker.pid() != r.Tracker.pid() {
		t.Errorf("a call reaches %s, want %s", called.Tracker.pid(), r.Tracker.pid())
	}
}

func nameIsFreeAfterStop(t *testing.T, f *fleet, id string) {
	first := f.spawn(t, id)
	f.want(t, "stopped", "stop", id)
	if r := f.ask(t, "call", id); r.code() != 404 {
		t.Errorf("a call to what has shut down: %s", r.body)
	}
	if r := f.want(t, "found", "lookup", id); r.Tracker.Phase != "finished" || r.Tracker.Status != "stopped" {
		t.Errorf("after the stop: %s", r.body)
	}
	again := f.want(t, "created", "spawn",
		fmt.Sprintf(`{"transaction_id":%s,"params":%s,"on_existing":"restart"}`, quote(id), forever))
	if again.Tracker.Run != 2 || again.Tracker.pid() == first.pid() {
		t.Errorf("the next owner of the name: %s", again.body)
	}
	if events := types(f.eventsUntil(t, id, "stopped")); !strings.HasPrefix(events, "started ") || strings.Contains(events, "restarted") {
		t.Errorf("its events are %s", events)
	}
}

func oneStartedEvent(t *testing.T, f *fleet, id string) {
	started := f.spawn(t, id)
	e := f.last(t, id, "started")
	if e.N != 1 || e.Run != 1 || e.ID != id || e.Epoch != started.Epoch || e.Incarnation != started.Incarnation {
		t.Errorf("the tracker is %s, its event %s", started.pid(), e)
	}
}

// oneOfManyRacersWins: one call is answered with created, all others with the tracker that is there.
func oneOfManyRacersWins(t *testing.T, f *fleet, id string) {
	const racers = 64
	replies := make([]reply, racers)
	errs := make([]error, racers)
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			replies[i], errs[i] = f.try(t.Context(), "spawn", fmt.Sprintf(`{"transaction_id":%s,"params":%s}`, quote(id), forever))
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, r := range replies {
		count[r.Status]++
		if r.Tracker.pid() != replies[0].Tracker.pid() {
			t.Errorf("%s and %s both own the name", r.Tracker.pid(), replies[0].Tracker.pid())
		}
	}
	if count["created"] != 1 || count["existing"] != racers-1 {
		t.Errorf("racers were answered %v", count)
	}
}

// restartedOnlyWhenAbnormal also shows that the default is transient: Elixir's `use GenServer` would restart on normal too.
func restartedOnlyWhenAbnormal(t *testing.T, f *fleet, id string) {
	f.spawn(t, id)
	f.want(t, "restarted", "stop", fmt.Sprintf(`{"transaction_id":%s,"reason":"its_a_crash"}`, quote(id)))
	e := f.last(t, id, "restarted")
	if !strings.Contains(string(e.Body), "its_a_crash") {
		t.Errorf("the event does not say why: %s", e)
	}
	f.want(t, "stopped", "stop", id)
	if r := f.want(t, "found", "lookup", id); r.Tracker.Phase != "finished" || r.Tracker.Restarts != 1 {
		t.Errorf("after a normal stop: %s", r.body)
	}
}

// oneLineStarts is `nats pub tracker.start <id>` as JetStream sees it: the bare ID is all there is to write.
func oneLineStarts(t *testing.T, f *fleet, id string) {
	if err := f.publish(t.Context(), "tracker.start", id); err != nil {
		t.Fatal(err)
	}
	f.eventsUntil(t, id, "confirmed")
}

func panicIsRestarted(t *testing.T, f *fleet, id string) {
	bystander := f.spawn(t, id+"_bystander")
	before := f.spawn(t, id)
	f.ask(t, "call", fmt.Sprintf(`{"transaction_id":%s,"op":"crash"}`, quote(id)))
	e := f.last(t, id, "restarted")
	if e.Epoch != before.Epoch || e.Incarnation <= before.Incarnation {
		t.Errorf("was %s, restarted is %s", before.pid(), e)
	}
	if r := f.want(t, "found", "lookup", id+"_bystander"); r.Tracker.pid() != bystander.pid() {
		t.Errorf("another's crash made %s of %s", r.Tracker.pid(), bystander.pid())
	}
}

func arbitraryNamesSurviveCrashes(t *testing.T, f *fleet, _ string) {
	for _, name := range []string{
		"0xAB", "0xab", "1", "1.0", "a.b.*", ">", "$JS.API.>", "a/b c", "größe 💸", `quote"back\slash`, strings.Repeat("x", 128),
	} {
		started := f.spawn(t, name)
		r := f.want(t, "restarted", "stop", fmt.Sprintf(`{"transaction_id":%s,"reason":"its_a_crash"}`, quote(name)))
		if found := f.want(t, "found", "lookup", named(name)); found.Tracker.ID != name || found.Tracker.pid() != r.Tracker.pid() || r.Tracker.pid() == started.pid() {
			t.Errorf("%q was %s, is %s, found %s", name, started.pid(), r.Tracker.pid(), found.body)
		}
		f.want(t, "stopped", "stop", named(name))
	}
}

// TestArticleSession is the article's session, word for word, over NATS.
func TestArticleSession(t *testing.T) {
	f := newFleet(t, "w-1")
	const id = "txn_01dp371w0fnjhf9z2tjebx4vr4"

	// iex> TransactionTracker.start("txn_01dp371w0fnjhf9z2tjebx4vr4")
	// {:ok, #PID<0.157.0>}
	started := f.spawn(t, id)

	// iex> {:ok, pid} = TransactionTracker.lookup("txn_01dp371w0fnjhf9z2tjebx4vr4")
	// {:ok, #PID<0.157.0>}
	if pid := f.want(t, "found", "lookup", id).Tracker.pid(); pid != started.pid() {
		t.Fatalf("started %s, looked up %s", started.pid(), pid)
	}
	f.eventsUntil(t, id, "pending")
	before := f.want(t, "ok", "call", id).Tracker

	// iex> :ok = GenServer.stop(pid, :its_a_crash)
	// 17:25:49.286 [error] GenServer {TransactionTracker.Registry, "txn_01dp371w0fnjhf9z2tjebx4vr4"} terminating
	// ** (stop) :its_a_crash
	f.want(t, "restarted", "stop", `{"transaction_id":"txn_01dp371w0fnjhf9z2tjebx4vr4","reason":"its_a_crash"}`)
	terminated := func(line string) bool {
		return strings.Contains(line, `"error"`) && strings.Contains(line, id) && strings.Contains(line, "its_a_crash")
	}
	if _, err := f.workers[0].Stderr(t.Context(), terminated); err != nil {
		t.Errorf("the crash was not logged as an error: %v", err)
	}

	// iex> {:ok, restarted_pid} = TransactionTracker.lookup("txn_01dp371w0fnjhf9z2tjebx4vr4")
	// {:ok, #PID<0.162.0>}
	restarted := f.want(t, "found", "lookup", id).Tracker
	if restarted.pid() == started.pid() || restarted.Phase != "running" {
		t.Fatalf("the lookup returns %s in phase %s, it was %s before", restarted.pid(), restarted.Phase, started.pid())
	}

	// iex> :sys.get_state(restarted_pid)
	// %{transaction_id: "txn_01dp371w0fnjhf9z2tjebx4vr4"}
	state := f.want(t, "ok", "call", `{"transaction_id":"txn_01dp371w0fnjhf9z2tjebx4vr4","op":"state"}`).Tracker
	if state.pid() != restarted.pid() || state.ID != id || state.Status != before.Status || state.Run != before.Run || state.Source != before.Source {
		t.Errorf("the state was %+v and is %+v", before, state)
	}
}
