package integration

import (
	"maps"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// taking is a permission that workers lose, and how that shows.
type taking struct {
	take    func(*user)
	why     string                                     // what they say
	notices func(*testing.T, *known) []*process.Worker // who
	mute    bool                                       // nobody answers meanwhile
}

// TestPermissionTakenFromAllMovesNothing takes a permission from every worker under load, by a reload of the server, and gives it
// back: meanwhile each is not ready and names the subject, afterwards all go on by themselves with what they had.
func TestPermissionTakenFromAllMovesNothing(t *testing.T) {
	takesAWhile(t)
	everybody := func(_ *testing.T, k *known) []*process.Worker { return k.workers }
	for name, c := range map[string]taking{
		"to write events": {
			func(u *user) { u.noPublish = "tracker.events.>" }, "publish to tracker.events.", everybody, false,
		},
		"to send heartbeats": {
			func(u *user) { u.noPublish = "tracker.fleet.heartbeat.>" }, "publish to tracker.fleet.heartbeat.w-", everybody, true,
		},
		"to look at streams": {
			func(u *user) { u.noPublish = "$JS.API.STREAM.INFO.>" }, "publish to $JS.API.STREAM.INFO.TRACKER", everybody, false,
		},
		"to read starts": {
			func(u *user) { u.noPublish = "$JS.API.CONSUMER.*.*.TRACKER_STARTS.>" }, "publish to $JS.API.CONSUMER.", pump, false,
		},
		"to hear requests": {
			func(u *user) { u.noSubscribe = "tracker.lookup" }, "subscribe to tracker.lookup", everybody, true,
		},
		"to hear replies": {
			func(u *user) { u.noSubscribe = "_INBOX.>" }, "subscribe to _INBOX.", everybody, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goOnWithout(t, c)
		})
	}
}

func goOnWithout(t *testing.T, c taking) {
	k := newKnown(t, "w-1", "w-2")
	l := newLoad(k.client, "permission")
	const lasting = 20
	stop := l.spawnLasting(t, lasting)
	trackers, moves := l.lasting(t, lasting), metrics(t, k.workers, "partition_moves_total")
	unready := 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		k.change(t, k.workers, c.take)
		awaitUnready(t, c.why, c.notices(t, k)...)
		unready++
		if !c.mute {
			l.lasting(t, lasting)
		}
		hold(t, 2*shortLease)
		k.change(t, k.workers, func(u *user) { *u = user{password: u.password} })
		awaitReady(t, k.workers...)
		l.awaitMore(t, 50)
	})
	if got := l.lasting(t, lasting); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before:\n%v\n%v", trackers, got)
	}
	if got := metrics(t, k.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over for what all workers lack", got-moves)
	}
	stop()
	stayed(t, k.workers...)
	t.Log(l.judge(t, map[string]int{"unready": unready}))
}

// pump returns the worker that reads the starts.
func pump(t *testing.T, k *known) []*process.Worker {
	t.Helper()
	var all []*process.Worker
	process.Await(t, patience, func() error {
		v, err := k.look()
		for _, w := range k.workers {
			if err == nil && len(all) == 0 && v.Partitions[0].Worker == w.Name {
				all = append(all, w)
			}
		}
		return err
	})
	return all
}
