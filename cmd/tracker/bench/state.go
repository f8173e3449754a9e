package bench

import "context"

// state is the state of a worker's process as its metrics tell it.
type state struct {
	rss, heap             float64 // bytes; the heap's live ones after the last collection
	gcSeconds, cpuSeconds float64 // CPU time of the collector, and all that there was
	maxPause              float64 // seconds, the longest of the last cycles
	batches, messages     float64 // of the journal
	restarts, running     float64
}

// read returns the state of the worker now.
func (r *run) read(ctx context.Context) (state, error) {
	m, err := r.Meter.Read(ctx)
	if err != nil {
		return state{}, err
	}
	s := state{
		rss: m.Value("process_resident_memory_bytes"), heap: m.Value("go_gc_heap_live_bytes"),
		gcSeconds:  m.Value("go_cpu_classes_gc_total_cpu_seconds_total"),
		cpuSeconds: m.Value("go_cpu_classes_total_cpu_seconds_total"),
		maxPause:   m.Highest("go_gc_duration_seconds"),
		restarts:   m.Value("tracker_restarts_total"), running: m.Labelled("tracker_active", "running"),
	}
	s.batches, s.messages = m.Summary("tracker_journal_batch_messages")
	return s, m.Err()
}
