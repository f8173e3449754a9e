package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/bus"
)

// twoWorkers is a fleet whose w-1 has one tracker.
func twoWorkers() *fakeFleet {
	return &fakeFleet{
		fleet:  bus.FleetReply{Workers: []bus.FleetWorker{{Worker: "w-1", Alive: true}, {Worker: "w-2", Alive: true}}},
		pages:  []bus.ListReply{{Trackers: []bus.Tracker{*tracked(bus.StatusPending)}}},
		lookup: bus.LookupReply{Status: bus.LookupFound, Tracker: tracked(bus.StatusPending)},
		drain: func(context.Context) (bus.DrainReply, error) {
			return bus.DrainReply{Worker: "w-1", Partitions: 128}, nil
		},
	}
}

// TestDrain_tellsTheLongestGap: the owner is silent, then the record is stale, then the new owner answers, after the drain.
func TestDrain_tellsTheLongestGap(t *testing.T) {
	for _, tc := range []struct {
		unavailable, stale, handoff, drain, longest, idle time.Duration // since the drain began
	}{
		{0, 0, 0, time.Second, gapEvery, gapEvery},
		{100 * time.Millisecond, 200 * time.Millisecond, 0, time.Second, 200 * time.Millisecond, 200 * time.Millisecond},
		{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, time.Second, 200 * time.Millisecond, 400 * time.Millisecond},
		{100 * time.Millisecond, 900 * time.Millisecond, 0, 500 * time.Millisecond, 900 * time.Millisecond, 900 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := twoWorkers()
			begun := make(chan time.Time, 1)
			f.drain = func(context.Context) (bus.DrainReply, error) {
				begun <- time.Now()
				time.Sleep(tc.drain) // of the bubble's clock: the fake's drain takes so long
				return bus.DrainReply{Worker: "w-1", Partitions: 128}, nil
			}
			var began time.Time
			f.lookupOf = func(context.Context, bus.ID) (bus.LookupReply, error) {
				select {
				case began = <-begun:
				default:
				}
				switch since := time.Since(began); {
				case began.IsZero():
				case since < tc.unavailable:
					return bus.LookupReply{}, bus.ErrUnavailable
				case since < tc.stale:
					return bus.LookupReply{Status: bus.LookupFound, Tracker: f.lookup.Tracker, Stale: true}, nil
				case since < tc.handoff:
					onItsWay := *f.lookup.Tracker
					onItsWay.Phase = bus.PhaseHandoff
					return bus.LookupReply{Status: bus.LookupFound, Tracker: &onItsWay}, nil
				}
				return f.lookup, nil
			}
			got := tracker(t, f, "", "drain", "w-1", "-o", "json")
			var sum drainSummary
			if err := json.Unmarshal([]byte(got.out), &sum); err != nil || got.code != 0 || sum.Partitions != 128 || sum.Sampled != 1 {
				t.Fatalf("%v %+v", err, got)
			}
			if longest := time.Duration(sum.LongestGap); longest < tc.longest || longest > tc.longest+2*gapEvery {
				t.Errorf("longest gap %v, want %v", longest, tc.longest)
			}
			if idle := time.Duration(sum.LongestIdle); idle < tc.idle || idle > tc.idle+2*gapEvery {
				t.Errorf("longest without a process %v, want %v", idle, tc.idle)
			}
		})
	}
}

func TestDrain_thatLeavesATrackerSilentSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := twoWorkers()
		f.lookup.Stale = true
		got := tracker(t, f, "", "drain", "w-1", "-o", "json")
		var sum drainSummary
		err := json.Unmarshal([]byte(got.out), &sum)
		if err != nil || got.code != exitUnavailable || sum.Unanswered != 1 || time.Duration(sum.LongestGap) < 5*time.Second {
			t.Errorf("%v %+v", err, got)
		}
	})
}

func TestDrain_exitCodes(t *testing.T) {
	silent := func(ctx context.Context) (bus.DrainReply, error) {
		<-ctx.Done()
		return bus.DrainReply{}, context.Cause(ctx)
	}
	for name, tc := range map[string]struct {
		change func(*fakeFleet)
		args   []string
		want   int
		stderr string
	}{
		"nobody of that name": {func(*fakeFleet) {}, []string{"w-3"}, exitNotFound, "w-3"},
		"silent":              {func(f *fakeFleet) { f.fleet.Workers[0].Alive = false }, []string{"w-1"}, exitNotFound, "alive"},
		"nobody else":         {func(f *fakeFleet) { f.fleet.Workers[1].Draining = true }, []string{"w-1"}, exitUnavailable, "no other worker"},
		"no name":             {func(*fakeFleet) {}, []string{"w.1"}, exitUsage, "characters"},
		"no time":             {func(f *fakeFleet) { f.drain = silent }, []string{"w-1", "--timeout", "50ms"}, exitUnavailable, "after 50ms"},
		"fleet unknown":       {func(f *fakeFleet) { f.err = map[string]error{"fleet": bus.ErrUnavailable} }, []string{"w-1"}, exitUnavailable, ""},
		"list invalid":        {func(f *fakeFleet) { f.err = map[string]error{"list": errors.New("odd")} }, []string{"w-1"}, exitError, "odd"},
	} {
		f := twoWorkers()
		tc.change(f)
		got := tracker(t, f, "", append([]string{"drain"}, tc.args...)...)
		if got.code != tc.want || !strings.Contains(got.stderr, tc.stderr) || got.out != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	f := twoWorkers()
	f.pages[0].Trackers = nil
	if got := tracker(t, f, "", "drain", "w-1"); got.code != 0 || !strings.Contains(got.out, "no trackers") || !strings.Contains(got.out, "128") {
		t.Errorf("without trackers: %+v", got)
	}
	if got := tracker(t, twoWorkers(), "", "drain", "w-1"); got.code != 0 || !strings.Contains(got.out, "txn_1") {
		t.Errorf("table: %+v", got)
	}
}

func TestDrain_movesEverythingOfARealWorker(t *testing.T) {
	dev := launchDev(t)
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte("sources: {sim: {kind: simulated}}\nlease: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		dev.expect(0, &bus.SpawnReply{}, "start", "txn_"+strconv.Itoa(i), "--params", `{"outcome":"pending"}`)
	}
	dev.expect(exitUnavailable, &bus.ErrorBody{}, "drain", "w-1")
	dev.expect(exitNotFound, &bus.ErrorBody{}, "drain", "w-9")
	worker := launch(t, "worker", "--server", dev.server, "--config", file, "--name", "w-9")
	worker.await("ready worker=w-9")
	var sum drainSummary
	dev.expect(0, &sum, "drain", "w-1", "--timeout", "30s")
	if sum.Partitions == 0 || sum.Sampled == 0 || sum.Lookups < 2*sum.Sampled || sum.GapOf == nil || sum.Unanswered != 0 {
		t.Errorf("got %+v", sum)
	}
	dev.awaitOwner("w-9")
	t.Logf("%+v", sum)
	if code := worker.stop(); code != 0 {
		t.Errorf("exit %d, stderr %s", code, worker.stderr.String())
	}
	dev.end()
}

// awaitOwner waits until a worker owns all partitions: what was handed over last may be on its way.
func (d development) awaitOwner(worker string) {
	d.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	patience := time.After(20 * time.Second)
	for {
		var reply bus.FleetReply
		d.expect(0, &reply, "fleet")
		i := slices.IndexFunc(reply.Partitions, func(p bus.FleetPartition) bool {
			return p.Worker != worker || p.State != bus.PartitionOwned
		})
		if i < 0 {
			return
		}
		select {
		case <-tick.C:
		case <-patience:
			d.t.Fatalf("not owned by %s: %+v", worker, reply.Partitions[i])
		}
	}
}
