package integration

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// shortLease is the lease of tests that are not about the default.
const shortLease = time.Second

// newLeased starts a server and workers with the short lease, and returns once they share all partitions.
func newLeased(t testing.TB, names ...string) *fleet {
	t.Helper()
	f := &fleet{server: process.StartServer(t)}
	f.client = newClient(t, f.server.Connect(t))
	for _, name := range names {
		f.workers = append(f.workers, process.LaunchWorker(t, f.leasedConfig(name)))
	}
	for _, w := range f.workers {
		w.AwaitReady(t)
	}
	f.awaitShared(t, f.workers...)
	return f
}

func (f *fleet) leasedConfig(name string) process.WorkerConfig {
	config := f.workerConfig(name)
	config.Lease = shortLease.String()
	return config
}

// without returns why it is not so that other workers own everything.
func (f *fleet) without(name string) error {
	v, err := f.look()
	if err != nil {
		return err
	}
	if v.AnsweredBy == name {
		return errors.New(name + " still answers")
	}
	for _, p := range v.Partitions {
		if p.State != "owned" || p.Worker == name {
			return fmt.Errorf("partition %d is %s by %s", p.Partition, p.State, p.Worker)
		}
	}
	return nil
}

// TestPausedWorkerIsRefusedAndRejoins stops a worker under load for half a lease, for one and for three, and wakes it up. After three
// the others have all that it had; what it still has to say is refused, and it gets its share back by itself.
func TestPausedWorkerIsRefusedAndRejoins(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newLeased(t, "w-1", "w-2", "w-3")
	l := newLoad(f.client, "pause")
	stop := l.spawnLasting(t, 60)
	paused := f.workers[0]
	var taken, noticed int
	l.pour(t, 10*time.Millisecond, func() {
		for _, pause := range []time.Duration{shortLease / 2, shortLease, 3 * shortLease} {
			l.awaitMore(t, 100)
			paused.Signal(t, syscall.SIGSTOP)
			hold(t, pause)
			if pause > 2*shortLease {
				process.Await(t, patience, func() error { return f.without(paused.Name) })
				taken++
			}
			paused.Signal(t, syscall.SIGCONT)
			f.awaitShared(t, f.workers...)
		}
	})
	if metric(t, paused, "fenced_writes_total") > 0 || paused.Said("dropped partition") > 0 {
		noticed++
	}
	stop()
	t.Logf("%v writes of the paused worker were refused", metric(t, paused, "fenced_writes_total"))
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "taken over": taken, "noticed": noticed}))
	if lines := loud(f.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

// TestCutOffWorkerFreezesAndHeals cuts a worker off the bus in every way that a network has, and lets it back: it stops by itself, the
// others take its partitions, and it gets its share back.
func TestCutOffWorkerFreezesAndHeals(t *testing.T) {
	takesAWhile(t)
	for _, c := range []struct {
		name  string
		cut   func(*process.Proxy)
		lasts bool
	}{
		{"both ways", (*process.Proxy).Cut, false},
		{"unheard", (*process.Proxy).SwallowRequests, false},
		{"hearing nothing", (*process.Proxy).SwallowReplies, true},
	} {
		if c.lasts && !*long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newLeased(t, "w-1")
			p := process.StartProxy(t, f.server.URL[len("nats://"):])
			config := f.leasedConfig("w-2")
			config.Server = "nats://" + p.Address
			cut := process.StartWorker(t, config)
			all := append(slices.Clone(f.workers), cut)
			f.awaitShared(t, all...)
			l := newLoad(f.client, "cut")
			stop := l.spawnLasting(t, 40)
			frozen := 0
			l.pour(t, 10*time.Millisecond, func() {
				l.awaitMore(t, 50)
				c.cut(p)
				process.Await(t, patience, func() error { return more(int(metric(t, cut, "frozen")), 0) })
				frozen++
				process.Await(t, patience, func() error { return f.without(cut.Name) })
				l.awaitMore(t, 50)
				p.Heal()
				f.awaitShared(t, all...)
				l.awaitMore(t, 50)
			})
			stop()
			t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "freeze": frozen}))
		})
	}
}

// TestSlowWorkerKeepsItsPartitions delays everything that a worker says and hears by 200 ms: it serves on, and nobody takes it over.
func TestSlowWorkerKeepsItsPartitions(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newFleet(t, "w-1")
	p := process.StartProxy(t, f.server.URL[len("nats://"):])
	config := f.workerConfig("w-2")
	config.Server = "nats://" + p.Address
	slow := process.StartWorker(t, config)
	all := append(slices.Clone(f.workers), slow)
	f.awaitShared(t, all...)
	l := newLoad(f.client, "slow")
	stop := l.spawnLasting(t, 40)
	before, moves := metric(t, slow, "events_published_total"), metrics(t, all, "partition_moves_total")
	l.pour(t, 10*time.Millisecond, func() {
		p.Delay(200 * time.Millisecond)
		l.awaitMore(t, 300)
	})
	p.Heal()
	if got := metrics(t, all, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over from a worker that is only slow", got-moves)
	}
	stop()
	wrote := metric(t, slow, "events_published_total") - before
	t.Log(l.judge(t, map[string]int{"event of the slow worker": int(wrote)}))
}
