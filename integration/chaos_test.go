package integration

import (
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

var (
	chaosDuration = flag.Duration("chaos.duration", 20*time.Second, "how long faults strike in TestChaos")
	chaosSeed     = flag.Uint64("chaos.seed", 0, "draws the faults of TestChaos; 0: another one each time")
)

// chaosLease is the lease of [fleet.workerConfig].
const chaosLease = 2 * time.Second

// victim is a worker and its own way to the server.
type victim struct {
	*process.Worker
	way *process.Proxy
}

// remedy ends a fault at its time.
type remedy struct {
	at  time.Time
	end func()
}

// chaos strikes a fleet of processes with faults drawn from a seed, from one goroutine.
type chaos struct {
	*fleet
	t        *testing.T
	r        *rand.Rand
	names    int
	victims  []*victim
	remedies []remedy
	struck   map[string]int // faults, by kind
	fenced   int            // writes refused to workers that lived to tell
}

// TestChaos kills, stops, cuts off and drains workers and kills the server, under load and at random. When all of it has healed
// everything comes to its true end, once.
//
//	go test ./integration -run Chaos -chaos.duration=10m -chaos.seed=7
func TestChaos(t *testing.T) {
	takesAWhile(t)
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	t.Logf("replay the faults with: go test ./integration -run Chaos -chaos.duration=%v -chaos.seed=%d", *chaosDuration, seed)
	c := &chaos{fleet: newFleet(t), t: t, r: rand.New(rand.NewPCG(seed, 0)), struck: make(map[string]int)}
	for range 3 {
		c.join()
	}
	for _, v := range c.victims {
		v.AwaitReady(t)
	}
	l := newLoad(c.client, "chaos")
	l.seed = seed
	var err error
	if l.owners, err = checker.WatchClaims(t.Context(), c.js, "TRACKER"); err != nil {
		t.Fatal(err)
	}
	defer l.owners.Stop()
	stop := l.spawnLasting(t, 50)
	calm := make(chan struct{})
	var publishers sync.WaitGroup
	for p := range 4 {
		publishers.Go(func() { l.trickle(t, p, calm) })
	}
	c.run(time.Now().Add(*chaosDuration))
	close(calm)
	publishers.Wait()
	calmed := time.Now()
	c.heal()
	stop()
	verdict := l.judge(t, map[string]int{
		"takeover by another worker": 0, "kill": c.struck["kill"], "pause": c.struck["pause"],
		"death of the server": c.struck["server"],
	})
	accepted, refused := l.count()
	t.Logf("%s, %v after the last fault\n%d changes of owners seen, %d starts accepted, %d of unknown outcome, %d writes refused by the fence, faults: %v",
		verdict, time.Since(calmed).Round(time.Second), len(l.claims()), accepted, refused, c.fenced, c.struck)
}

// trickle publishes starts, some twenty a second, until calm is closed.
func (l *load) trickle(t *testing.T, publisher int, calm <-chan struct{}) {
	for i := 0; ; i++ {
		l.publish(t.Context(), publisher*1_000_000+i, 1)
		select {
		case <-calm:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// run strikes until end and returns when all that lasted is over. Each kind that the verdict asks for comes first once.
func (c *chaos) run(end time.Time) {
	kinds := []func(){c.kill, c.pause, c.pause, c.cut, c.cut, c.swallow, c.slow, c.killServer, c.term, c.grow, c.grow}
	first := []func(){c.pause, c.kill, c.killServer}
	for time.Now().Before(end) {
		c.wait(c.between(300*time.Millisecond, 2*time.Second))
		strike := kinds[c.r.IntN(len(kinds))]
		if len(first) > 0 {
			strike, first = first[0], first[1:]
		}
		for len(c.victims) < 2 {
			c.join()
		}
		strike()
	}
	for len(c.remedies) > 0 {
		c.wait(chaosLease)
	}
}

// wait lets time pass and ends the faults that are due.
func (c *chaos) wait(d time.Duration) {
	for until := time.Now().Add(d); ; {
		next := until
		for _, r := range c.remedies {
			if r.at.Before(next) {
				next = r.at
			}
		}
		select {
		case <-time.After(time.Until(next)):
		case <-c.t.Context().Done():
		}
		c.remedies = slices.DeleteFunc(c.remedies, func(r remedy) bool {
			due := !time.Now().Before(r.at)
			if due {
				r.end()
			}
			return due
		})
		if !time.Now().Before(until) {
			return
		}
	}
}

func (c *chaos) between(low, high time.Duration) time.Duration {
	return low + time.Duration(c.r.Int64N(int64(high-low)))
}

// heal makes sure that somebody works, and asks those that live what the fence refused.
func (c *chaos) heal() {
	if len(c.victims) < 2 {
		c.join()
	}
	for _, v := range c.victims {
		v.AwaitReady(c.t)
		c.fenced += int(metric(c.t, v.Worker, "fenced_writes_total"))
	}
}
