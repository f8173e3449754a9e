package bubble

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/integration/checker"
)

// forger plays a worker that is wrong in one way.
type forger struct {
	*storm
	*client
	claims *bus.Claims
}

const forged = "w-forged"

// seize claims the partition of a transaction, by compare-and-set as it must.
func (f *forger) seize(id bus.ID) bus.Owner {
	seen, err := f.claims.OwnersOf(f.storm.t.Context(), id.Partition())
	if err != nil {
		f.storm.t.Fatal(err)
	}
	won, _, err := f.claims.Claim(f.storm.t.Context(), forged, "1", seen...)
	if err != nil || len(won) != 1 {
		f.storm.t.Fatalf("claim: %v, %v", won, err)
	}
	return won[0]
}

// write publishes the next event of a transaction, alone, and returns what the stream said.
func (f *forger) write(id bus.ID, kind string, epoch uint64, fenced bool) error {
	n := f.ask("lookup", id.String(), id.String()).Tracker.Events + 1
	m := nats.NewMsg(bus.EventSubject(id, kind, n))
	m.Header = nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {fmt.Sprintf("%s/%d", id.Token(), n)}, "ce-type": {"tracker.v1." + kind},
		"ce-subject": {id.Token()}, "Tracker-Worker": {forged}, "Tracker-Incarnation": {"1"},
		"Tracker-Epoch": {strconv.FormatUint(epoch, 10)},
	}
	if fenced {
		m.Header["Nats-Expected-Last-Subject-Sequence"] = []string{strconv.FormatUint(epoch, 10)}
		m.Header["Nats-Expected-Last-Subject-Sequence-Subject"] = []string{bus.OwnerSubject(id.Partition())}
	}
	body, err := json.Marshal(map[string]any{
		"transaction_id": id.String(), "type": kind, "n": n, "run": 1, "at": time.Now(),
	})
	if err != nil {
		return err
	}
	m.Data = body
	_, err = f.storm.js.PublishMsg(f.storm.t.Context(), m)
	return err
}

// awaitTakenBack waits until the real worker has claimed the partition of a transaction after the forger.
func (f *forger) awaitTakenBack(id bus.ID) { f.storm.awaitTakenFrom(f.claims, id, forged) }

// awaitTakenFrom waits until the partition of a transaction is another worker's.
func (s *site) awaitTakenFrom(claims *bus.Claims, id bus.ID, worker string) {
	for begin := time.Now(); ; time.Sleep(lease / 100) {
		owners, err := claims.OwnersOf(s.t.Context(), id.Partition())
		if err != nil {
			s.t.Fatal(err)
		}
		if owners[0].State == bus.Owned && owners[0].Worker != worker {
			return
		}
		if time.Since(begin) > ownedWithin {
			s.t.Fatalf("nobody takes the partition of a worker that is silent: %+v", owners[0])
		}
	}
}

func (s *site) newClaims() *bus.Claims {
	claims, err := bus.NewClaims(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return claims
}

func (s *site) parseID(name string) bus.ID {
	id, err := bus.ParseID(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// TestForgersAreCaught plays workers that are wrong, each beside its twin that is not, where there is one.
func TestForgersAreCaught(t *testing.T) {
	for _, tc := range []struct {
		name string
		play func(*forger, bus.ID)
		want int // invariant that is violated; 0: all held
	}{
		{"terminal event outside the batch", func(f *forger, id bus.ID) {
			if err := f.write(id, "expired", f.seize(id).Epoch, true); err != nil {
				f.storm.t.Error(err)
			}
			f.awaitTakenBack(id)
		}, 2},
		{"released before the flush", func(f *forger, id bus.ID) { f.lateFlush(id, false) }, 4},
		{"released before the flush, fenced", func(f *forger, id bus.ID) { f.lateFlush(id, true) }, 0},
		{"stale read decides ownership", func(f *forger, id bus.ID) { f.staleOwner(id, false) }, 4},
		{"stale read decides ownership, fenced", func(f *forger, id bus.ID) { f.staleOwner(id, true) }, 0},
		{"start acknowledged before it is stored", func(f *forger, _ bus.ID) {
			f.accepted = append(f.accepted, checker.Start{ID: "lost", Run: 1})
		}, 1},
		{"event of a transaction that nobody started", func(f *forger, id bus.ID) {
			epoch := f.seize(id).Epoch
			f.awaitTakenBack(id)
			if err := f.write(f.storm.parseID("nobody"), "started", epoch, false); err != nil {
				f.storm.t.Error(err)
			}
		}, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := inBubble(t, func(s *site) checker.Verdict { return playForger(s, tc.play) })
			if tc.want == 0 {
				if len(v.Violations) > 0 {
					t.Errorf("%s", v)
				}
				return
			}
			for _, violation := range v.Violations {
				if violation.Invariant == tc.want {
					return
				}
			}
			t.Errorf("invariant %d is not seen to be violated: %s", tc.want, v)
		})
	}
}

// lateFlush hands a partition over and writes what it had decided only then.
func (f *forger) lateFlush(id bus.ID, fenced bool) {
	held := f.seize(id)
	if _, _, err := f.claims.Release(f.storm.t.Context(), "", held); err != nil {
		f.storm.t.Fatal(err)
	}
	f.awaitTakenBack(id)
	if err := f.write(id, "included", held.Epoch, fenced); fenced != (err != nil) {
		f.storm.t.Errorf("the late write ended with %v", err)
	}
}

// staleOwner writes in the belief that it still owns what another has claimed.
func (f *forger) staleOwner(id bus.ID, fenced bool) {
	held := f.seize(id)
	f.awaitTakenBack(id)
	if err := f.write(id, "included", held.Epoch, fenced); fenced != (err != nil) {
		f.storm.t.Errorf("the write of the stale owner ended with %v", err)
	}
}

func playForger(on *site, play func(*forger, bus.ID)) checker.Verdict {
	f := &forger{storm: &storm{site: on}}
	f.joinAll(1)
	f.client = newClient(on)
	f.claims = on.newClaims()
	f.spawn("victim", "pending")
	play(f, on.parseID("victim"))
	f.stopAll()
	v, _ := f.judge(0, 0)
	f.owners.Stop()
	f.end()
	if err := f.claims.Close(); err != nil {
		on.t.Error(err)
	}
	return v
}
