package soak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

// Sample is how everything stood at one time. What cannot be seen is 0: the server's process and disk, where it is somebody else's.
type Sample struct {
	Seconds float64 `json:"seconds"` // since the soak began

	Trackers float64 `json:"trackers"` // of the worker, whatever their phase

	WorkerRSS        float64 `json:"worker_rss_bytes"`
	WorkerHeap       float64 `json:"worker_heap_bytes"` // live when it was collected last
	WorkerGoroutines float64 `json:"worker_goroutines"`

	JournalPending   float64 `json:"journal_pending"`    // writes
	JournalCommitMS  float64 `json:"journal_commit_ms"`  // mean of the batches since the last sample
	JournalPerSecond float64 `json:"journal_per_second"` // messages since the last sample
	StartBacklog     float64 `json:"start_backlog"`      // starts stored and not yet tracked
	EventLagMS       float64 `json:"event_lag_ms"`       // from the decision to the reader of the event; median since the last sample

	RecordMessages float64 `json:"tracker_messages"` // of stream TRACKER
	RecordBytes    float64 `json:"tracker_bytes"`
	StartMessages  float64 `json:"starts_messages"` // of stream TRACKER_STARTS
	StartBytes     float64 `json:"starts_bytes"`
	DiskBytes      float64 `json:"disk_bytes"` // of the server's store

	ServerRSS        float64 `json:"server_rss_bytes"`
	ServerGoroutines float64 `json:"server_goroutines"`

	StartsPerSecond  float64 `json:"starts_per_second"` // since the last sample, as the next ones
	EndsPerSecond    float64 `json:"ends_per_second"`
	LookupsPerSecond float64 `json:"lookups_per_second"`
}

// sampler measures. It is for one goroutine.
type sampler struct {
	*soak
	began time.Time
	last  Counts
	at    time.Time // of last

	batches, messages, commits float64 // of the journal, then
}

// sample measures everything once.
func (s *sampler) sample(ctx context.Context) (Sample, error) {
	now := time.Now()
	v := Sample{Seconds: now.Sub(s.began).Seconds()}
	if err := s.worker(ctx, &v, now.Sub(s.at).Seconds()); err != nil {
		return v, err
	}
	if err := s.server(ctx, &v); err != nil {
		return v, err
	}
	counts, lags := s.ledger.take()
	slices.SortFunc(lags, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	if len(lags) > 0 {
		v.EventLagMS = lags[len(lags)/2].Seconds() * 1000
	}
	span := now.Sub(s.at).Seconds()
	rate := func(n int) float64 { return ratio(float64(n), span) }
	v.StartsPerSecond = rate(counts.Started - s.last.Started)
	v.EndsPerSecond = rate(counts.Confirmed + counts.Stopped - s.last.Confirmed - s.last.Stopped)
	v.LookupsPerSecond = rate(counts.Lookups - s.last.Lookups)
	s.last, s.at = counts, now
	return v, nil
}

func (s *sampler) worker(ctx context.Context, v *Sample, span float64) error {
	m, err := s.Worker.Read(ctx)
	if err != nil {
		return fmt.Errorf("soak: worker: %w", err)
	}
	v.Trackers = m.Sum("tracker_active")
	v.WorkerRSS, v.WorkerHeap = m.Value("process_resident_memory_bytes"), m.Value("go_gc_heap_live_bytes")
	v.WorkerGoroutines = m.Value("go_goroutines")
	v.JournalPending, v.StartBacklog = m.Value("tracker_journal_pending"), m.Value("tracker_start_backlog_messages")
	batches, messages := m.Summary("tracker_journal_batch_messages")
	_, commits := m.Summary("tracker_journal_commit_seconds")
	v.JournalCommitMS = 1000 * ratio(commits-s.commits, batches-s.batches)
	v.JournalPerSecond = ratio(messages-s.messages, span)
	s.batches, s.messages, s.commits = batches, messages, commits
	return m.Err()
}

func (s *sampler) server(ctx context.Context, v *Sample) error {
	records, err := s.state(ctx, bus.StreamTracker)
	if err != nil {
		return err
	}
	starts, err := s.state(ctx, bus.StreamStarts)
	if err != nil {
		return err
	}
	v.RecordMessages, v.RecordBytes = float64(records.Msgs), float64(records.Bytes)
	v.StartMessages, v.StartBytes = float64(starts.Msgs), float64(starts.Bytes)
	if s.Server == nil {
		return nil
	}
	m, err := s.Server.Meter.Read(ctx)
	if err != nil {
		return fmt.Errorf("soak: server: %w", err)
	}
	v.ServerRSS, v.ServerGoroutines = m.Value("process_resident_memory_bytes"), m.Value("go_goroutines")
	if v.DiskBytes, err = diskBytes(s.Server.Dir); err != nil {
		return fmt.Errorf("soak: store: %w", err)
	}
	return m.Err()
}

// state returns what a stream holds.
func (s *soak) state(ctx context.Context, name string) (jetstream.StreamState, error) {
	stream, err := s.streams.Stream(ctx, name)
	if err != nil {
		return jetstream.StreamState{}, fmt.Errorf("soak: stream %s: %w", name, err)
	}
	return stream.CachedInfo().State, nil
}

// diskBytes returns the size of all files in dir. Files may come and go meanwhile.
func diskBytes(dir string) (float64, error) {
	total := int64(0)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				total += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return float64(total), err
}

// ratio returns a/b, 0 if there is no b.
func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}
