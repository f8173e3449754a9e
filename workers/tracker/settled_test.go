package tracker

import (
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

func settled(end source.End, status, reason string) source.Observation {
	return source.Observation{Kind: source.Settled, Settlement: &source.Settlement{End: end, ProviderStatus: status, Reason: reason}}
}

func TestAProvidersLastWordEndsTheRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		o      source.Observation
		status bus.Status
		event  string
	}{
		{
			"confirmed", settled(source.EndConfirmed, "succeeded", ""), bus.StatusConfirmed,
			`confirmed {"provider_status":"succeeded","finality":"provider","latency":"2s"}`,
		},
		{
			"failed", settled(source.EndFailed, "failed", "card declined"), bus.StatusFailed,
			`failed {"provider_status":"failed","finality":"provider","latency":"2s","reason":"card declined"}`,
		},
		{
			"stopped", settled(source.EndStopped, "canceled", ""), bus.StatusStopped,
			`stopped {"reason":"canceled","by":"provider","provider_status":"canceled"}`,
		},
		{
			"expired", settled(source.EndExpired, "overdue", ""), bus.StatusExpired,
			`expired {"last_status":"pending","provider_status":"overdue"}`,
		},
		{
			"dropped", settled(source.EndDropped, "", "410 Gone"), bus.StatusDropped,
			`dropped {"last_seen":` + after(1) + `,"checks":0,"reason":"410 Gone"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begins(t, source.Policy{})
			w.sees(source.Observation{Kind: source.Pending, Pending: &source.PendingDetails{ProviderStatus: "processing"}})
			w.is(bus.StatusPending, `pending {"provider_status":"processing"}`)
			w.sees(c.o)
			w.is(c.status, c.event)
			if !w.last.Terminal() || !w.last.Durable {
				t.Errorf("terminal %v, durable %v", w.last.Terminal(), w.last.Durable)
			}
			w.sees(settled(source.EndFailed, "failed", ""))
			w.unchanged()
		})
	}
}

func TestAProvidersLastWordEndsWhatWasNeverSeen(t *testing.T) {
	w := begins(t, source.Policy{})
	w.sees(settled(source.EndDropped, "", "410 Gone"))
	w.is(bus.StatusDropped, `dropped {"checks":0,"reason":"410 Gone"}`)
}

func TestASettlementOfNoEndChangesNothing(t *testing.T) {
	w := begins(t, source.Policy{})
	w.sees(source.Observation{Kind: source.Settled})
	w.unchanged()
	w.sees(settled(0, "succeeded", ""))
	w.unchanged()
	w.sees(settled(source.EndDropped+1, "succeeded", ""))
	w.unchanged()
}

// Without blocks what is looked for in vain is dropped after a time, which counts from the first look in vain: a tracker that
// nobody ran for a week has not been looked for.
func TestWhereThereAreNoBlocksLooksInVainForLongEnoughDrop(t *testing.T) {
	w := begins(t, source.Policy{DropAge: time.Hour})
	w.sees(source.Observation{Kind: source.Pending, Pending: &source.PendingDetails{}})
	w.now = w.now.Add(7 * 24 * time.Hour)
	gone := absent(0, 0, 1)
	for range 3 {
		w.sees(gone)
	}
	if got := w.r.Status(); got != bus.StatusMissing {
		t.Fatalf("status %s, want missing", got)
	}
	w.now = w.now.Add(time.Hour - 4*time.Second)
	w.sees(gone)
	w.is(bus.StatusMissing)
	set := gone
	set.At = w.now
	w.now = w.now.AddDate(1, 0, 0) // somebody sets the worker's clock
	w.sees(set)
	w.is(bus.StatusMissing)
	w.now = set.At
	w.now = w.now.Add(time.Second)
	w.sees(gone)
	w.is(bus.StatusDropped, `dropped {"last_seen":`+after(1)+`,"checks":6}`)
}
