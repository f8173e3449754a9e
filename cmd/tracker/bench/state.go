package bench

import "context"

// state is the state of a worker's process as its metrics tell it.
type state struct {
	rss, heap             float64 // bytes; the heap's live ones after the last collection
	gcSeconds, cpuSeconds float64 // CPU time of the collector, and all that there was
	collections, paused   float64 // of the collector, and seconds that all of them paused the process
	batches, messages     float64 // of the journal
	restarts, running     float64
}

// read returns the state of the worker now.
func (r *run) read(ctx context.Context) (state, error) {
	m, err := r.Worker.Meter.Read(ctx)
	if err != nil {
		return state{}, err
	}
	s := state{
		rss: m.Value("process_resident_memory_bytes"), heap: m.Value("go_gc_heap_live_bytes"),
		gcSeconds:  m.Value("go_cpu_classes_gc_total_cpu_seconds_total"),
		cpuSeconds: m.Value("go_cpu_classes_total_cpu_seconds_total"),
		restarts:   m.Value("tracker_restarts_total"), running: m.Labelled("tracker_active", "running"),
	}
	s.collections, s.paused = m.Summary("go_gc_duration_seconds")
	s.batches, s.messages = m.Summary("tracker_journal_batch_messages")
	return s, m.Err()
}

// serverRSS returns the resident bytes of the server's process, 0 if it is somebody else's.
func (r *run) serverRSS(ctx context.Context) (float64, error) {
	if r.Server == nil {
		return 0, nil
	}
	m, err := r.Server.Meter.Read(ctx)
	if err != nil {
		return 0, err
	}
	return m.Value("process_resident_memory_bytes"), m.Err()
}
