package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trackerfleet/bus"
)

// TestListPagesFitAMessage: pages end where a message does, and still everybody is on one.
func TestListPagesFitAMessage(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	meta := `{"fill":"` + strings.Repeat("x", 4000) + `"}`
	const trackers, bulk = 400, 200
	for from := 0; from < trackers; from += bulk {
		var items []string
		for i := range bulk {
			items = append(items, fmt.Sprintf(`{"transaction_id":"t%04d",%s,"meta":%s}`, from+i, waits, meta))
		}
		s.request("spawn", `{"items":[`+strings.Join(items, ",")+`]}`)
	}
	var got []string
	pages, cursor := 0, ""
	for pages == 0 || cursor != "" {
		pages++
		body, err := json.Marshal(map[string]any{"limit": 1000, "cursor": cursor})
		if err != nil {
			t.Fatal(err)
		}
		page := s.request("list", string(body))
		list, ok := page["trackers"].([]any)
		if !ok || len(list) == 0 {
			t.Fatalf("page %d is %v", pages, page)
		}
		for _, tr := range list {
			got = append(got, tr.(map[string]any)["transaction_id"].(string))
		}
		cursor, _ = page["cursor"].(string)
	}
	if len(got) != trackers || !slices.IsSorted(got) || pages < 2 {
		t.Errorf("%d pages list %d of %d trackers", pages, len(got), trackers)
	}
	if page := s.request("list", `{"limit":1,"filter":"label.none:here"}`); len(page["trackers"].([]any)) != 0 {
		t.Errorf("an empty page is %v", page)
	}
	counts := path(s.request("fleet", ""), "counts", "total")
	if counts != float64(trackers) {
		t.Errorf("the fleet counts %v trackers, want %d", counts, trackers)
	}
}

// TestPagesOfSeveralWorkersPassNobody compares paging over workers, each of which cuts its pages where it likes, with the whole.
func TestPagesOfSeveralWorkersPassNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owned := make([][]string, rapid.IntRange(1, 4).Draw(t, "workers"))
		total := rapid.IntRange(0, 30).Draw(t, "trackers")
		for i := range total {
			at := rapid.IntRange(0, len(owned)-1).Draw(t, "owner")
			owned[at] = append(owned[at], fmt.Sprintf("t%02d", i))
		}
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		var got []string
		after := ""
		for range total + 1 {
			var parts []bus.ListReply
			for _, ids := range owned {
				cut := rapid.IntRange(1, limit).Draw(t, "cut")
				var part bus.ListReply
				for _, id := range ids {
					if id > after && len(part.Trackers) == cut {
						part.Cursor = part.Trackers[cut-1].TransactionID.Token()
						break
					}
					if id > after {
						parsed, _ := bus.ParseID(id)
						part.Trackers = append(part.Trackers, bus.Tracker{TransactionID: parsed})
					}
				}
				parts = append(parts, part)
			}
			page := joinPages(parts, limit)
			for _, tr := range page.Trackers {
				got = append(got, tr.TransactionID.String())
			}
			if after = page.Cursor; after == "" {
				break
			}
		}
		if len(got) != total || !slices.IsSorted(got) {
			t.Fatalf("listed %d of %d: %v", len(got), total, got)
		}
	})
}

// TestListsTakeTurns: those who ask for the fleet again and again must not take all processors of a worker with a million trackers.
func TestListsTakeTurns(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	for range scans() {
		w.scanning <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	listed := make(chan error, 1)
	go func() { _, err := w.list(ctx, bus.ListRequest{}); listed <- err }()
	cancel()
	if err := <-listed; !errors.Is(err, bus.ErrOverloaded) {
		t.Errorf("without a turn: %v", err)
	}
	<-w.scanning
	if _, err := w.list(t.Context(), bus.ListRequest{}); err != nil {
		t.Errorf("in its turn: %v", err)
	}
	if answer := s.request("fleet", ""); path(answer, "counts") == nil {
		t.Errorf("fleet answered %v", answer)
	}
}
