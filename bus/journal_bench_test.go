package bus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

// benchFleet is a server with always-sync whose stream TRACKER has a size limit, as an installation would.
func benchFleet(b *testing.B, maxBytes int64) *nats.Conn {
	b.Helper()
	srv := startServer(b, embedded.Config{Port: embedded.InProcessOnly})
	nc := connect(b, bus.ConnectConfig{Options: []nats.Option{srv.InProcess()}})
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	if err := bus.EnsureAssets(b.Context(), js, bus.AssetsCreate, bus.AssetSettings{MaxTrackerBytes: maxBytes}); err != nil {
		b.Fatal(err)
	}
	return nc
}

// benchBody is as large as a usual record and event.
var benchBody = []byte(`{"transaction_id":"txn_000000","data":"` + strings.Repeat("x", 360) + `"}`)

// rawTransition is what a journal publishes for a transition, byte for byte as long, without any condition.
func rawTransition(id bus.ID, run int) []*nats.Msg {
	header := func() nats.Header {
		return nats.Header{
			"Tracker-Same-Length-As-The-Expected-One": {"1234567"}, "Tracker-Same-Length-As-The-Subjects": {bus.OwnerSubject(id.Partition())},
		}
	}
	state := header()
	state[bus.HeaderWriteID] = []string{"0123456789012345678901.0000"}
	delete(state, "Tracker-Same-Length-As-The-Subjects")
	return []*nats.Msg{
		{Subject: bus.EventSubject(id, "progress", uint64(run)), Header: header(), Data: benchBody},
		{Subject: bus.StateSubject(id), Header: state, Data: benchBody},
	}
}

// BenchmarkAtomicBatch is the ceiling of the journal: batches one after the other, without conditions.
func BenchmarkAtomicBatch(b *testing.B) {
	for _, limit := range []struct {
		name     string
		maxBytes int64
	}{{"unlimited", 0}, {"max_bytes", 4 << 30}} {
		for _, n := range []int{2, 10, 100, 250, 500, 1000} {
			b.Run(fmt.Sprintf("%s/messages=%d", limit.name, n), func(b *testing.B) {
				rawBatches(b, benchFleet(b, limit.maxBytes), n)
			})
		}
	}
}

func rawBatches(b *testing.B, nc *nats.Conn, n int) {
	p, err := bus.NewBatchPublisher(nc)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	sent := 0
	for b.Loop() {
		msgs := make([]*nats.Msg, 0, n)
		for range n / 2 {
			sent++
			msgs = append(msgs, rawTransition(numbered(b, sent%50_000), sent)...)
		}
		if _, err := p.Publish(b.Context(), msgs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "transitions/s")
	b.ReportMetric(float64(sent*2)/b.Elapsed().Seconds(), "msgs/s")
}

// BenchmarkJournal writes transitions of distinct trackers, as many at once as lanes take, and reports them as a share of
// the ceiling measured in the same run on the same kind of server.
func BenchmarkJournal(b *testing.B) {
	for _, lanes := range []int{1, 2, 4, 8} {
		for _, size := range []int{250, 500, 1000} {
			b.Run(fmt.Sprintf("lanes=%d/messages=%d", lanes, size), func(b *testing.B) {
				nc := benchFleet(b, 4<<30)
				owners := claim(b, nc, "w-1")
				rate := journalRate(b, nc, owners, bus.JournalConfig{Lanes: lanes, MaxBatchMessages: size})
				b.ReportMetric(rate, "transitions/s")
			})
		}
	}
}

func journalRate(b *testing.B, nc *nats.Conn, owners []bus.Owner, cfg bus.JournalConfig) float64 {
	j, err := bus.NewJournal(nc, cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	var i uint64
	began := time.Now()
	for b.Loop() {
		i++
		id := numbered(b, int(i))
		w := transition(id, owners, 1, 0, func(r bus.Result) {
			if r.Err != nil {
				b.Error(r.Err)
			}
		})
		w.Events[0].Data, w.State.Data = benchBody, benchBody
		if err := j.Submit(ctx, w); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	rate := float64(i) / time.Since(began).Seconds()
	s := j.Stats()
	b.ReportMetric(float64(s.Messages)/float64(s.Batches), "msgs/batch")
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return rate
}
