package integration

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// ownedBy returns how many partitions a worker owns by now, as the owner records have it: a fleet with a slow worker takes its time to
// say how it is.
func (l *load) ownedBy(worker string) (n int) {
	newest := make(map[int]checker.Claim)
	for _, c := range l.claims() {
		if c.Sequence > newest[c.Partition].Sequence {
			newest[c.Partition] = c
		}
	}
	for _, c := range newest {
		if c.Worker == worker && !c.Released {
			n++
		}
	}
	return n
}

// slowly is a worker with a way to the server of its own, on which its hand-overs can be made to last.
type slowly struct {
	*process.Worker
	way *process.Proxy
}

func (f *fleet) launchSlowly(t *testing.T, name string) slowly {
	t.Helper()
	s := slowly{way: process.StartProxy(t, f.server.URL[len("nats://"):])}
	config := f.workerConfig(name)
	config.Server = "nats://" + s.way.Address
	config.Flags = append(config.Flags, "--stop-timeout", "2m") // how long it takes is not the question here
	s.Worker = process.LaunchWorker(t, config)
	return s
}

// beginDrain has a worker leave, so slowly that something else can happen meanwhile, and returns when it has handed the first
// partitions over.
func (f *fleet) beginDrain(t *testing.T, s slowly) {
	t.Helper()
	before := s.Said("handed partitions over")
	s.way.Delay(150 * time.Millisecond)
	s.Signal(t, syscall.SIGTERM)
	process.Await(t, patience, func() error { return more(s.Said("handed partitions over"), before) })
}

// drains is a fleet of which workers leave while something disturbs them, under load.
type drains struct {
	*fleet
	load     *load
	evidence map[string]int
}

// await waits until the workers share everything, and there is load on them.
func (d *drains) await(t *testing.T, workers ...slowly) {
	t.Helper()
	var plain []*process.Worker
	for _, w := range workers {
		if w.HTTP == "" {
			w.AwaitReady(t)
		}
		plain = append(plain, w.Worker)
	}
	d.awaitShared(t, plain...)
	d.load.awaitMore(t, 30)
}

// joinMeanwhile has one join while another leaves.
func (d *drains) joinMeanwhile(t *testing.T, leaves slowly, joins string) slowly {
	t.Helper()
	d.beginDrain(t, leaves)
	d.evidence["partition left when one joined"] = d.load.ownedBy(leaves.Name)
	joiner := d.launchSlowly(t, joins)
	leaves.way.Heal()
	mustLeave(t, leaves)
	return joiner
}

// termTwice has one leave and sends it a second SIGTERM, which does not wait for the rest.
func (d *drains) termTwice(t *testing.T, leaves slowly) {
	t.Helper()
	d.beginDrain(t, leaves)
	leaves.Signal(t, syscall.SIGTERM)
	if code, err := leaves.Wait(t.Context()); code != 1 || err != nil {
		t.Errorf("after a second SIGTERM %s left with code %d: %v", leaves.Name, code, err)
	}
	d.evidence["partition left at the second SIGTERM"] = d.load.ownedBy(leaves.Name)
}

// killMeanwhile kills one that leaves.
func (d *drains) killMeanwhile(t *testing.T, leaves slowly) {
	t.Helper()
	d.beginDrain(t, leaves)
	leaves.Kill()
	d.evidence["partition left at the kill"] = d.load.ownedBy(leaves.Name)
}

// leaveWhileTakingOver kills one and has another leave just as it takes over: the server knows of its claim, the worker not yet.
func (d *drains) leaveWhileTakingOver(t *testing.T, dies, leaves slowly) {
	t.Helper()
	leaves.way.Delay(150 * time.Millisecond)
	dies.Kill()
	before := len(d.load.claims())
	process.Await(t, patience, func() error {
		for _, c := range d.load.claims()[before:] {
			if c.Worker == leaves.Name && !c.Released {
				return nil
			}
		}
		return errors.New("nothing is taken over")
	})
	leaves.Signal(t, syscall.SIGTERM)
	d.evidence["partition just taken over"] = d.load.ownedBy(leaves.Name)
	leaves.way.Heal()
	mustLeave(t, leaves)
}

// TestDisturbedDrainsLoseNothing has workers leave while others join and die, ends one drain with a second SIGTERM and one with
// SIGKILL: what was begun ends in good order or is taken over after a lease.
func TestDisturbedDrainsLoseNothing(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	d := &drains{fleet: newFleet(t), evidence: map[string]int{"takeover by another worker": 0}}
	d.load = newLoad(d.client, "drain")
	var w []slowly
	for i := range 4 {
		w = append(w, d.launchSlowly(t, fmt.Sprint("w-", i+1)))
	}
	for _, one := range w {
		one.AwaitReady(t)
	}
	var err error
	if d.load.owners, err = checker.WatchClaims(t.Context(), d.js, "TRACKER"); err != nil {
		t.Fatal(err)
	}
	defer d.load.owners.Stop()
	stop := d.load.spawnLasting(t, 60)
	d.load.pour(t, 30*time.Millisecond, func() {
		d.await(t, w...)
		w = append(w, d.joinMeanwhile(t, w[0], "w-5"))
		d.await(t, w[1:]...)
		d.termTwice(t, w[1])
		d.await(t, w[2:]...)
		d.killMeanwhile(t, w[2])
		w = append(w, d.launchSlowly(t, "w-6"))
		d.await(t, w[3:]...)
		d.leaveWhileTakingOver(t, w[3], w[4])
		d.await(t, w[5])
	})
	stop()
	t.Log(d.load.judge(t, d.evidence))
	t.Logf("evidence: %v", d.evidence)
	if lines := loud(w[0].Worker, w[4].Worker, w[5].Worker); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

// mustLeave waits until a worker has left in good order, with everything handed over.
func mustLeave(t *testing.T, s slowly) {
	t.Helper()
	if code, err := s.Wait(t.Context()); code != 0 || err != nil {
		t.Errorf("%s left with code %d: %v", s.Name, code, err)
	}
}
