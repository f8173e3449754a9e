package workers

import (
	"context"
	"testing"
	"time"

	"trackerfleet/supervision"
)

// hung is a server that does not return from its first message before it is let go.
type hung struct {
	server
	release <-chan struct{}
}

func (h *hung) Init(context.Context, *supervision.Child) error { return nil }

func (h *hung) HandleInfo(context.Context, any) error {
	<-h.release
	return nil
}

// TestLostPartitionIsNotClaimedBeforeItsLastTrackerIsGone: a tracker that hangs holds its partition back, and nothing else.
func TestLostPartitionIsNotClaimedBeforeItsLastTrackerIsGone(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	c := bareCell(t, "slow")
	c.part, c.profileIndex = w.partitions[c.part.number], w.profiles["sim"].index
	release := make(chan struct{})
	kind := &supervision.ChildType{Shutdown: supervision.Infinite, Server: func(child *supervision.Child) supervision.Server {
		return &hung{server{cellOf(child)}, release}
	}}
	if !c.part.enlist(c, c.part.tenure()) {
		t.Fatal("the partition takes nobody on")
	}
	child, err := w.trackers.StartChild(t.Context(), supervision.ChildSpec{ID: "slow", Type: kind, Arg: c})
	if err != nil {
		t.Fatal(err)
	}
	c.started()
	if err := child.Info(wake{}); err != nil {
		t.Fatal(err)
	}
	other := w.partitions[(c.part.number+1)%len(w.partitions)]
	moves := w.Stats().PartitionMoves
	w.drop(c.part, other)
	w.drop(other) // is on its way already
	if c.part.owned() || c.part.is(vacant) {
		t.Fatal("the partition can be claimed though its tracker has not ended")
	}
	close(release)
	eventually(t, "claimed and loaded again", func() bool {
		return c.part.is(serving) && other.is(serving) && w.Stats().PartitionMoves == moves+2
	})
}

// TestFrozenWorkerAnswersOnlyAfterItHasClaimedAgain: that it hears itself does not mean that nobody took its partitions, and
// a freeze that is over before the ownership loop looks counts as well.
func TestFrozenWorkerAnswersOnlyAfterItHasClaimedAgain(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", func(c *Config) { c.Lease = time.Minute }) // its loop looks every 20 s
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	before := s.owners()
	w.freeze.Store(true)
	if !w.isFrozen() {
		t.Fatal("not frozen")
	}
	w.freeze.Store(false)
	if answer := s.request("lookup", "one"); answer["stale"] != true {
		t.Errorf("lookup answered %v before the partitions were claimed again", answer)
	}
	w.kickOwnership()
	eventually(t, "claimed again", func() bool { return w.serves(0) && s.owners()[0].Epoch > before[0].Epoch })
	if answer := s.request("lookup", "one"); answer["stale"] == true {
		t.Errorf("lookup answered %v after the thaw", answer)
	}
}
