package bus_test

import (
	"fmt"
	"strings"
	"sync"
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
// the ceiling: the same messages in full batches without conditions, as many publishers as lanes, on a server of its own in
// the same run. An operation is one round of both.
func BenchmarkJournal(b *testing.B) {
	for _, cfg := range []bus.JournalConfig{
		{Lanes: 1}, {Lanes: 2}, {Lanes: 4}, {Lanes: 8}, {Lanes: 4, MaxBatchMessages: 250}, {Lanes: 4, MaxBatchMessages: 500},
	} {
		b.Run(fmt.Sprintf("lanes=%d/messages=%d", cfg.Lanes, cfg.MaxBatchMessages), func(b *testing.B) {
			const round = 20_000
			raw, nc := benchFleet(b, 4<<30), benchFleet(b, 4<<30)
			owners := claim(b, nc, "w-1")
			var rawTook, took time.Duration
			var writes int
			j, stop := startJournal(b, nc, cfg)
			for b.Loop() {
				rawTook += rawRound(b, raw, cfg.Lanes, writes, round)
				took += journalRound(b, j, owners, writes, round)
				writes += round
			}
			s := j.Stats()
			stop()
			b.ReportMetric(float64(writes)/took.Seconds(), "transitions/s")
			b.ReportMetric(float64(writes)/rawTook.Seconds(), "ceiling/s")
			b.ReportMetric(rawTook.Seconds()/took.Seconds(), "share")
			b.ReportMetric(float64(s.Messages)/float64(s.Batches), "msgs/batch")
		})
	}
}

// rawRound publishes n transitions from number first on in full batches, by several publishers.
func rawRound(b *testing.B, nc *nats.Conn, publishers, first, n int) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	for k := range publishers {
		wg.Go(func() {
			p, err := bus.NewBatchPublisher(nc)
			if err != nil {
				b.Error(err)
				return
			}
			defer p.Close()
			for i := k * n / publishers; i < (k+1)*n/publishers; {
				msgs := make([]*nats.Msg, 0, bus.MaxBatch)
				for ; len(msgs) < bus.MaxBatch && i < (k+1)*n/publishers; i++ {
					msgs = append(msgs, rawTransition(numbered(b, first+i), 1)...)
				}
				if _, err := p.Publish(b.Context(), msgs); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// journalRound writes n transitions from number first on.
func journalRound(b *testing.B, j *bus.Journal, owners []bus.Owner, first, n int) time.Duration {
	began := time.Now()
	for i := range n {
		w := transition(numbered(b, first+i), owners, 1, 0, func(r bus.Result) {
			if r.Err != nil {
				b.Error(r.Err)
			}
		})
		w.Events[0].Data, w.State.Data = benchBody, benchBody
		if err := j.Submit(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
