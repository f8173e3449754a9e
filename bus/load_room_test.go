package bus_test

import (
	"runtime"
	"testing"

	"trackerfleet/bus"
)

// TestReadsMakeRoomForTheirAnswersOnly: a takeover reads partition by partition and record by record, so that what one read
// allocates beside its answer counts a hundred times in a moment.
func TestReadsMakeRoomForTheirAnswersOnly(t *testing.T) {
	const reads, most = 100, 128 << 10 // bytes for each; the server's own are among them
	nc := fleet(t)
	claims, err := bus.NewClaims(nc)
	if err != nil {
		t.Fatal(err)
	}
	defer claims.Close()
	won, _, err := claims.Claim(t.Context(), "w", "1", bus.Owner{Partition: 3})
	if err != nil {
		t.Fatal(err)
	}
	records := bus.NewRecords(nc)
	for name, read := range map[string]func() error{
		"of a partition": func() error {
			for _, err := range records.Load(t.Context(), won[0].Holding()) {
				return err
			}
			return nil
		},
		"of a record": func() error {
			_, err := records.Get(t.Context(), bus.OwnerSubject(3))
			return err
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range reads {
			if err := read(); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / reads; each > most {
			t.Errorf("a read %s allocates %d bytes, want %d at most", name, each, most)
		}
	}
}
