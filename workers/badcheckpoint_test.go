package workers

import (
	"context"
	"fmt"
	"testing"
	"time"

	"trackerfleet/bus"
)

// TestBadCheckpointIsACleanStart: a partition's checkpoint that cannot be read, or that speaks of blocks that are not there,
// costs look-ups. Its trackers run, none of them crashes, and they end as if there were none.
func TestBadCheckpointIsACleanStart(t *testing.T) {
	for name, cursor := range map[string]string{
		"rubbish":       "rubbish",
		"empty":         "",
		"another shape": `{"sources":["sim"]}`,
		"another type":  `{"sources":{"sim":{"height":"high"}}}`,
		"the future":    `{"sources":{"sim":{"height":9007199254740991,"hash":"0xdead"}}}`,
		"another chain": `{"sources":{"mars":{"height":7}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			first := s.worker("w-1", nil)
			const trackers = 5
			parts := make(map[int]bool)
			for i := range trackers {
				id := fmt.Sprint("t", i)
				parsed, err := bus.ParseID(id)
				if err != nil {
					t.Fatal(err)
				}
				parts[parsed.Partition()] = true
				s.request("spawn", fmt.Sprintf(`{"transaction_id":%q,"params":{"outcome":"confirm","confirmations":20}}`, id))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := first.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			for p := range parts {
				if _, err := s.js.Publish(ctx, bus.CursorSubject(p), []byte(cursor)); err != nil {
					t.Fatal(err)
				}
			}
			second := s.worker("w-2", nil)
			for i := range trackers {
				types := s.eventTypes(fmt.Sprint("t", i))
				if types[len(types)-1] != "confirmed" {
					t.Errorf("events are %v", types)
				}
			}
			if n := second.Stats().Crashed; n > 0 {
				t.Errorf("%d crashes", n)
			}
		})
	}
}
