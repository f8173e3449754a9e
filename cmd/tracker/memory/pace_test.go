package memory

import (
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mb = 1 << 20

// course looks at a heap once a second.
type course struct {
	pace
	now       time.Time
	allocated uint64
}

func newCourse() *course {
	return &course{pace: pace{cpus: 2, most: 100, percent: 100}, now: time.Unix(1_700_000_000, 0)}
}

// seconds lets time pass in which so much is allocated each second.
func (c *course) seconds(n int, each, live, held uint64) (percent, gaveBack int) {
	for range n {
		c.now = c.now.Add(time.Second)
		c.allocated += each
		var giveBack bool
		if percent, giveBack = c.look(c.now, heap{c.allocated, live, held}); giveBack {
			gaveBack++
		}
	}
	return percent, gaveBack
}

// TestHeapIsTightWhileLittleIsAllocated: and as Go has it while much is.
func TestHeapIsTightWhileLittleIsAllocated(t *testing.T) {
	c := newCourse()
	if got, _ := c.seconds(10, 100*mb, 500*mb, 900*mb); got != 100 {
		t.Errorf("during a storm: %d%%", got)
	}
	if got, _ := c.seconds(1, 100<<10, 500*mb, 900*mb); got != 100 {
		t.Errorf("right after it: %d%%, another may follow", got)
	}
	if got, _ := c.seconds(20, 100<<10, 500*mb, 900*mb); got != leastPercent {
		t.Errorf("when it is quiet: %d%%", got)
	}
	if got, _ := c.seconds(1, 100*mb, 500*mb, 550*mb); got != 100 {
		t.Errorf("when a storm begins: %d%%", got)
	}
	if got, _ := c.seconds(20, 4*mb, 500*mb, 550*mb); got < 30 || got > 50 {
		t.Errorf("while a little is allocated: %d%%", got)
	}
}

// TestSmallHeapHasRoom: ten percent of nothing would be a collection all the time.
func TestSmallHeapHasRoom(t *testing.T) {
	c := newCourse()
	if got, _ := c.seconds(30, 100<<10, 10*mb, 20*mb); got != 40 {
		t.Errorf("10 MB are collected when they have grown by %d%%", got)
	}
	if got, _ := c.seconds(30, 100<<10, 0, 2*mb); got != 100 {
		t.Errorf("nothing is collected when it has grown by %d%%", got)
	}
}

// TestMemoryIsReturnedAfterABurst: once, not while it lasts, not for little, and not all the time.
func TestMemoryIsReturnedAfterABurst(t *testing.T) {
	c := newCourse()
	if _, got := c.seconds(100, 100*mb, 400*mb, 900*mb); got != 0 {
		t.Errorf("given back %d times during a burst", got)
	}
	if _, got := c.seconds(300, 100<<10, 400*mb, 900*mb); got != 1 {
		t.Errorf("given back %d times after it", got)
	}
	again := 0
	for range 60 {
		c.seconds(1, 100*mb, 400*mb, 500*mb)
		_, got := c.seconds(9, 100<<10, 400*mb, 500*mb)
		again += got
	}
	if again > 600/30 || again < 600/60 {
		t.Errorf("given back %d times in ten minutes with a burst every ten seconds", again)
	}
	c = newCourse()
	c.seconds(10, 100*mb, 10*mb, 20*mb)
	if _, got := c.seconds(100, 100<<10, 10*mb, 20*mb); got != 0 {
		t.Errorf("given back %d times for little", got)
	}
}

// TestCollectorKeepsWithinItsShare: at the percentage that is chosen, whatever the rate.
func TestCollectorKeepsWithinItsShare(t *testing.T) {
	for rate := uint64(mb); rate < 8*mb; rate += mb {
		c := newCourse()
		percent, _ := c.seconds(60, rate, 500*mb, 600*mb)
		cycles := float64(rate) / (500 * mb * float64(percent) / 100) // a second
		if got := cycles * 500 * mb * markCost / 2; got > 4./3*collectorShare {
			t.Errorf("%d MB/s: the collector takes %.3f of the CPUs", rate/mb, got)
		}
	}
}

// TestHeapIsRead: the runtime has the metrics by these names.
func TestHeapIsRead(t *testing.T) {
	runtime.GC()
	if h := readHeap(); h.live == 0 || h.held < h.live || h.allocated < h.live {
		t.Errorf("heap is %+v", h)
	}
	if got := currentPercent(); got < 1 {
		t.Errorf("the collector's percentage is %d", got)
	}
}

// TestKeeperLeavesTheCollectorAsItWas: what begins and ends in one process does not change what comes after it.
func TestKeeperLeavesTheCollectorAsItWas(t *testing.T) {
	before := currentPercent()
	var k Keeper
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := currentPercent(); got != before {
		t.Errorf("the collector's percentage was %d and is %d", before, got)
	}
}
