package bus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

// TestStreamMadeAnewBeginsAboveTheOneBefore: no sequence of the stream that is gone comes a second time.
func TestStreamMadeAnewBeginsAboveTheOneBefore(t *testing.T) {
	js := newJetStream(t)
	var missing *bus.MissingError
	if _, err := bus.ReadGround(t.Context(), js); !errors.As(err, &missing) || !errors.Is(err, bus.ErrAssets) {
		t.Errorf("without a stream: %v", err)
	}
	if next := (bus.Ground{}).Next(); next != 0 {
		t.Errorf("the first stream begins at %d", next)
	}
	var before bus.Ground
	for range 3 {
		settings := bus.AssetSettings{FirstSequence: before.Next()}
		if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, settings); err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), bus.OwnerSubject(1), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		now, err := bus.ReadGround(t.Context(), js)
		if err != nil {
			t.Fatal(err)
		}
		if now.Is(before) || now.Last <= before.Last || now.Last != max(now.First, 1) {
			t.Errorf("%+v follows %+v", now, before)
		}
		if err := js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
			t.Fatal(err)
		}
		before = now
	}
}

// TestWhoMakesTheStreamAsksTheFleet: nobody lives, somebody knows, somebody cannot say.
func TestWhoMakesTheStreamAsksTheFleet(t *testing.T) {
	js := newJetStream(t)
	nc := js.Conn()
	if known, err := bus.KnownGround(t.Context(), nc); err != nil || known.Last != 0 {
		t.Errorf("where nobody lives %+v is known: %v", known, err)
	}
	answer := `{"partitions":[{"partition":0,"epoch":7},{"partition":1,"epoch":9},{"partition":2}]}`
	sub, err := nc.Subscribe("tracker.fleet", func(m *nats.Msg) {
		if err := m.Respond([]byte(answer)); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if known, err := bus.KnownGround(t.Context(), nc); err != nil || known.Last != 9 {
		t.Errorf("%+v is known: %v", known, err)
	}
	answer = `{"status":"error","error":{"code":"internal","message":"out of order"}}`
	if _, err := bus.KnownGround(t.Context(), nc); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("an error was answered, and taken as %v", err)
	}
}

// TestReclaimPrefersTheLaterOwner: of two that believe to have held a partition the later owner gets it, even when the
// earlier one comes first, and nobody once it was claimed in the usual way.
func TestReclaimPrefersTheLaterOwner(t *testing.T) {
	js := newJetStream(t)
	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
	claims, err := bus.NewClaims(js.Conn())
	if err != nil {
		t.Fatal(err)
	}
	defer claims.Close()
	reclaim := func(worker string, held ...bus.Owner) string {
		t.Helper()
		won, lost, err := claims.Reclaim(t.Context(), worker, worker+"'s", held...)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d won, %d lost", len(won), len(lost))
	}
	for _, step := range []struct{ got, want string }{
		{reclaim("early", bus.Owner{Partition: 7, Epoch: 10}), "1 won, 0 lost"},
		{reclaim("early", bus.Owner{Partition: 7, Epoch: 10}), "1 won, 0 lost"},
		{reclaim("late", bus.Owner{Partition: 7, Epoch: 20}, bus.Owner{Partition: 8, Epoch: 21}), "2 won, 0 lost"},
		{reclaim("early", bus.Owner{Partition: 7, Epoch: 10}, bus.Owner{Partition: 8, Epoch: 11}), "0 won, 2 lost"},
	} {
		if step.got != step.want {
			t.Errorf("%s, want %s", step.got, step.want)
		}
	}
	owners, err := claims.OwnersOf(t.Context(), 7, 8)
	if err != nil {
		t.Fatal(err)
	}
	if won, _, err := claims.Claim(t.Context(), "usual", "u", owners...); err != nil || len(won) != 2 {
		t.Fatalf("claim: %v %v", won, err)
	}
	if got := reclaim("latest", bus.Owner{Partition: 7, Epoch: 30}); got != "0 won, 1 lost" {
		t.Errorf("after a claim in the usual way: %s", got)
	}
}

// TestStreamOfStartsWithoutRoomIsNamed fills the stream of starts.
func TestStreamOfStartsWithoutRoomIsNamed(t *testing.T) {
	js := newJetStream(t)
	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{MaxStartsBytes: 4096}); err != nil {
		t.Fatal(err)
	}
	if err := bus.CheckRoom(t.Context(), js); err != nil {
		t.Errorf("an empty stream: %v", err)
	}
	body, err := json.Marshal(strings.Repeat("x", 500))
	if err != nil {
		t.Fatal(err)
	}
	var api *jetstream.APIError
	for {
		if _, err = js.Publish(t.Context(), bus.SubjectStart, body); err != nil {
			break
		}
	}
	if !errors.As(err, &api) {
		t.Fatal(err)
	}
	err = bus.CheckRoom(t.Context(), js)
	if !errors.Is(err, bus.ErrAssets) || !strings.Contains(err.Error(), "TRACKER_STARTS is full") {
		t.Errorf("a full stream: %v", err)
	}
}
