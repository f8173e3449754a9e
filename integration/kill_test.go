package integration

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// TestKillOfAWorkerLosesNothing kills the only worker with SIGKILL, under load, three times, and starts it again.
func TestKillOfAWorkerLosesNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w-1")
	l := newLoad(f.client, "worker")
	stop := l.spawnLasting(t, 50)
	l.run(t, 1600, func() {
		for kill := range 3 {
			l.awaitAccepted(t, 300*(kill+1))
			f.workers[0].Kill()
			f.workers[0] = f.startWorker(t, "w-1")
		}
		stop()
	})
	t.Log(l.judge(t, map[string]int{"takeover": 0}))
}

// TestKillOfTheServerLosesNothing kills the nats-server with SIGKILL, under load, and starts it again on its store: what it had
// acknowledged is there, and the workers go on by themselves.
func TestKillOfTheServerLosesNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w-1")
	c, lost := monitored(t, f.server)
	l := newLoad(c, "server")
	l.run(t, 1600, func() {
		for kill := range 2 {
			l.awaitAccepted(t, 400*(kill+1))
			f.server.Kill()
			f.server.Restart(t)
		}
	})
	verdict := l.judge(t, map[string]int{"lost connection": lost()})
	t.Log(verdict)
	if _, refused := l.count(); refused == 0 {
		t.Error("no publish failed while the server was dead: there was no load on it")
	}
	select {
	case <-f.workers[0].Ended():
		t.Error("the worker did not outlive the server's death")
	default:
	}
}

// TestSwallowedRepliesLoseNothing lets the worker's writes through and throws the acknowledgements away: what it does not know to
// be written must be neither lost nor written twice.
func TestSwallowedRepliesLoseNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := process.StartProxy(t, f.server.URL[len("nats://"):])
	config := f.workerConfig("w-1")
	config.Server = "nats://" + p.Address
	process.StartWorker(t, config)
	l := newLoad(f.client, "swallow")
	l.run(t, 800, func() {
		for round := range 3 {
			l.awaitAccepted(t, 200*(round+1))
			before := p.Swallowed()
			p.SwallowReplies()
			l.awaitAccepted(t, 200*(round+1)+40)
			process.Await(t, patience, func() error { return more(p.Swallowed(), before) })
			p.Heal()
		}
	})
	t.Log(l.judge(t, map[string]int{"swallowed bytes": p.Swallowed()}))
}

// TestTwoWorkersNeverBothWrite starts two workers on one NATS, as somebody might by mistake, stops one in the midst of its work until
// the other has taken it over, and wakes it up again: whatever it still has to say is refused.
func TestTwoWorkersNeverBothWrite(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	first := process.LaunchWorker(t, f.workerConfig("w-1"))
	second := process.LaunchWorker(t, f.workerConfig("w-2"))
	first.AwaitReady(t)
	second.AwaitReady(t)
	l := newLoad(f.client, "two")
	stop := l.spawnLasting(t, 100)
	l.run(t, 1600, func() {
		l.awaitAccepted(t, 800)
		// Which of them owns what is not promised: each is stopped once, and the other must have it all then.
		for _, pair := range [][2]*process.Worker{{first, second}, {second, first}} {
			pair[0].Signal(t, syscall.SIGSTOP)
			process.Await(t, patience, func() error { return f.ownsAll(pair[1].Name) })
			pair[0].Signal(t, syscall.SIGCONT)
			process.Await(t, patience, func() error { return f.alive(2) })
		}
		stop()
	})
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0}))
	for _, w := range []*process.Worker{first, second} {
		select {
		case <-w.Ended():
			t.Errorf("%s has ended", w.Name)
		default:
		}
	}
}

// TestSIGTERMHandsOverWithoutALease: SIGTERM flushes, releases and leaves in order; what was begun goes on with the next worker.
func TestSIGTERMHandsOverWithoutALease(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w-1")
	l := newLoad(f.client, "term")
	stop := l.spawnLasting(t, 50)
	l.run(t, 800, func() {
		l.awaitAccepted(t, 300)
		f.workers[0].Signal(t, syscall.SIGTERM)
		code, err := f.workers[0].Wait(t.Context())
		if err != nil || code != 0 {
			t.Errorf("after SIGTERM the exit code is %d: %v", code, err)
		}
		begin := time.Now()
		f.startWorker(t, "w-2")
		t.Logf("the next worker was ready after %s", time.Since(begin).Round(time.Millisecond))
		stop()
	})
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0}))
}

// more returns nil when got is above before.
func more(got, before int) error {
	if got > before {
		return nil
	}
	return fmt.Errorf("still at %d", got)
}
