package tracker

import (
	"encoding/json"
	"testing"
	"time"
	"unsafe"

	"trackerfleet/bus"
)

// TestRecordIsSmall: a worker holds a million, and memory comes in sizes.
func TestRecordIsSmall(t *testing.T) {
	for _, part := range []struct {
		name       string
		got, limit uintptr
	}{
		{"record", unsafe.Sizeof(Record{}), 128},
		{"what a start said", unsafe.Sizeof(ask{}), 32},
		{"sight", unsafe.Sizeof(sight{}), 32},
	} {
		if part.got > part.limit {
			t.Errorf("a %s takes %d bytes, want at most %d", part.name, part.got, part.limit)
		}
	}
}

// TestWhatManyStartsSayIsKeptOnce: and what they say differently is told apart.
func TestWhatManyStartsSayIsKeptOnce(t *testing.T) {
	start := func(source, params, meta string) *Record {
		r := bus.StartRequest{Source: source, Params: json.RawMessage(params), Meta: json.RawMessage(meta)}
		return Start(time.Now(), r, bus.Trace{}).Next
	}
	one := start("sim", `{"after":3}`, "")
	if again := start("sim", `{ "after": 3 }`, ""); again.ask != one.ask {
		t.Error("params that are the same are kept twice")
	}
	for _, other := range []*Record{start("eth", `{"after":3}`, ""), start("sim", `{"after":4}`, ""), start("sim", `{"after":3}`, `1`)} {
		if other.ask == one.ask || other.Source() == one.Source() && string(other.Params()) == string(one.Params()) && other.meta() == one.meta() {
			t.Errorf("%s %s %s is taken for %s %s", other.Source(), other.Params(), other.meta(), one.Source(), one.Params())
		}
	}
}
