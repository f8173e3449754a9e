package bus

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFilterChooses(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	tr := &Tracker{
		TransactionID: mustID(t, "txn a:1"), Source: "mainnet", Run: 2, Phase: PhaseRunning, Status: StatusConfirming, Worker: "w-2",
		Partition: 85, Restarts: 3, Events: 7, StartedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Minute),
		Labels: map[string]string{"team": "wallet", "note": `a "b", *`, "empty": ""},
	}
	for text, want := range map[string]bool{
		"": true, "   ": true,
		"status:confirming source:mainnet label.team:wallet age:>10m worker:w-2": true,
		"status:confirming source:mainnet label.team:wallet age:>10m worker:w-3": false,
		"status:pending,confirming": true, "status:pending": false, "-status:pending": true, "phase:running": true, "-phase:running": false,
		`label.note:"a \"b\", *"`: true, "label.team:wal*": true, `label.team:"wal*"`: false, "label.nobody:*": false, "-label.nobody:*": true,
		`label.empty:""`: true, `label.team:""`: false, "label.team:*": true,
		`id:"txn a:1"`: true, "id:txn*": true, "id:txn": false, "txn": true, `"a:1"`: true, `"b:1"`: false, "id:*": true,
		"partition:85": true, "partition:85,86": true, "partition:8": false, "run:2": true, "run:>1": true, "run:>2": false, "restarts:>=3": true,
		"restarts:<3": false, "events:<=7": true, "events:=7": true, "age:1h": true, "age:<1h": false, "idle:>30s": true, "idle:>1h": false,
		"run:2 run:3": false,
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.Match(tr, now); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

func TestFilterNamesEveryFault(t *testing.T) {
	for _, text := range []string{
		"colour:red", "status:blue", "status:", "phase:runing", "age:10", "age:>", "age:=>1m", "age:-1m", "age:><1m", "run:x", "run:-1", "run:>1.5",
		"label.:x", "label.a b:x", `label."a":x`, `"open`, `id:"open`, `id:a"b"`, `a"b`, ":", "-:x", "status:a*b", "*", `id:"a""b"`, "label.a:b,,c",
		strings.Repeat("x", MaxFilterBytes+1), "\xff",
	} {
		if f, err := ParseFilter(text); err == nil && text != "*" && text != "label.a b:x" {
			t.Errorf("%s: taken as %s", text, f)
		} else if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err := ParseFilter("colour:red status:pending status:blue age:10")
	if _, fields := faultsOf(t, err); len(fields) != 3 {
		t.Errorf("%d faults, want 3: %v", len(fields), err)
	}
}

func TestFilterNamesItsWorkers(t *testing.T) {
	for text, want := range map[string][]string{
		"status:pending": nil, "worker:w-1": {"w-1"}, "worker:w-1,w-2": {"w-1", "w-2"}, "-worker:w-1": nil, "worker:w-*": nil, "worker:w-1,w-*": nil,
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, f.Worker()); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		"status:confirming source:mainnet label.team:wallet age:>10m worker:w-2", `-id:"a b",c*  "x\"y"`, "run:>=3 idle:<1h2m", `"`, "a\\b:c", "*",
		`label.a:"\x00\xff"`, `label.a:""`, `"\ud800"`, "é", "\xff:\xff",
	} {
		f.Add(text, "txn", "wallet")
	}
	f.Fuzz(func(t *testing.T, text, id, label string) {
		filter, err := ParseFilter(text)
		if err != nil {
			checkFaults(t, err)
			return
		}
		again, err := ParseFilter(filter.String())
		if err != nil {
			if errors.Is(err, ErrTooLarge) { // quotes made it longer than a filter may be
				return
			}
			t.Fatalf("%q is written as %q, which is refused: %v", text, filter, err)
		}
		if again.String() != filter.String() {
			t.Errorf("%q is written as %q, then as %q", text, filter, again)
		}
		now := time.Unix(1e9, 0)
		tr := &Tracker{TransactionID: ID{id}, Labels: map[string]string{"a": label}, StartedAt: now.Add(-time.Minute), UpdatedAt: now}
		if filter.Match(tr, now) != again.Match(tr, now) {
			t.Errorf("%q and %q choose differently", filter, again)
		}
	})
}
