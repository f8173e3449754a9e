package sourcetest

import (
	"testing"

	"trackerfleet/workers/source"
)

// Provider is an outside without blocks that the suite controls: it knows for each transaction whether it is under way or
// how it has ended. Its steps are as those of [Harness].
type Provider interface {
	// NewSource returns a source that asks this outside and does not run yet, as [Harness.NewSource] does. It looks at each
	// transaction again and again, within milliseconds, and has fewer than ten requests under way at one time.
	NewSource(t testing.TB) source.Source

	// NewTransaction makes a transaction up that the outside does not know yet.
	NewTransaction(t testing.TB) Transaction

	// Process makes the transaction known to the outside, undecided.
	Process(t testing.TB, tx Transaction)

	// Settle has the transaction end.
	Settle(t testing.TB, tx Transaction, end source.End)

	// SetOutage makes the outside unreachable for its sources, or reachable again. Transactions can be settled meanwhile.
	SetOutage(t testing.TB, on bool)

	// Many is how many transactions the suite may watch to see what does not depend on their number.
	Many() int
}

// RunProvider checks that the sources of the provider do what every source does that has no blocks. Every part gets a provider
// of its own.
func RunProvider(t *testing.T, newProvider func(t *testing.T) Provider) {
	for _, part := range providerParts {
		t.Run(part.name, func(t *testing.T) {
			p := newProvider(t)
			part.run(&providerRig{rig: runningRig(t, p.NewSource), Provider: p})
		})
	}
}

var providerParts = []struct {
	name string
	run  func(*providerRig)
}{
	{"absent then pending then settled", absentPendingSettled},
	{"settled without being seen before", settledUnseen},
	{"already settled when the watch begins", settledBeforeWatch},
	{"already pending when the watch begins", processedBeforeWatch},
	{"watched before the source runs", watchedBeforeProviderRuns},
	{"every end", everyEnd},
	{"several watches of one transaction", severalProviderWatches},
	{"refresh answers", providerRefreshAnswers},
	{"a settlement that was lost is said again", settlementSaidAgain},
	{"wakes are never answered", wakesNeverAnswered},
	{"closed watch is silent", closedProviderSilent},
	{"run again after it ended", providerRunAgain},
	{"outage decides nothing", providerOutageDecidesNothing},
	{"no checkpoint", noCheckpoint},
	{"checks are told", providerChecksTold},
	{"a diagnosis is told", func(r *providerRig) { diagnosisTold(r.rig, func(on bool) { r.SetOutage(r, on) }) }},
	{"goroutines do not depend on the number of watches", goroutinesIndependent},
	{"used from many goroutines", providerManyGoroutines},
	{"params that cannot be understood", func(r *providerRig) { badParams(r.rig) }},
}

// providerRig is one source that asks one provider.
type providerRig struct {
	*rig
	Provider
}

// watchNew watches a new transaction.
func (r *providerRig) watchNew() (*watcher, Transaction) {
	tx := r.Provider.NewTransaction(r)
	return r.watch(tx, source.Hint{}), tx
}

// settled returns the next observation, which must be the settlement; it may have been absent or pending before.
func (w *watcher) settled(end source.End) {
	w.r.Helper()
	o := w.expect(source.Settled, source.Absent, source.Pending)
	if o.Settlement.End != end {
		w.r.Fatalf("%s: settled as %d, want %d", w.id, o.Settlement.End, end)
	}
}
