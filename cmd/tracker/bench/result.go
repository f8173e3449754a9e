package bench

import "time"

// Result is what was measured. Rates are per second of the time that a phase took; bytes per tracker are what one live, idle
// tracker adds.
type Result struct {
	Trackers  int    `json:"trackers"`
	Reference string `json:"reference"` // what each of them refers to

	StartsPerSecond      float64 `json:"starts_per_second"`           // durable, registered and running
	RSSBytesPerTracker   float64 `json:"rss_bytes_per_tracker"`       // of the worker's process
	HeapBytesPerTracker  float64 `json:"heap_bytes_per_tracker"`      // live after a collection
	StoreBytesPerTracker float64 `json:"store_bytes_per_tracker"`     // of the stream, record and started event
	LookupsPerSecond     float64 `json:"lookups_per_second"`          // through NATS, InFlight at a time
	LookupP50MS          float64 `json:"lookup_p50_ms"`               // milliseconds
	LookupP99MS          float64 `json:"lookup_p99_ms"`               // milliseconds
	RestartsPerSecond    float64 `json:"restarts_per_second"`         // crashed, restarted, and stored
	FinalsPerSecond      float64 `json:"finals_per_second"`           // final events stored, names free
	JournalPerSecond     float64 `json:"journal_messages_per_second"` // of the worker's busiest phase
	JournalBatch         float64 `json:"journal_batch_messages"`      // mean size of that phase's batches

	ServerRSSBytesPerTracker float64 `json:"server_rss_bytes_per_tracker,omitempty"` // of the NATS server's process, if it is the bench's

	GCCPUShare   float64 `json:"gc_cpu_share"`    // of the worker's CPUs while all trackers are idle
	GCMaxPauseMS float64 `json:"gc_max_pause_ms"` // that a collection of the whole heap stopped the worker for, milliseconds

	// The worker's process was killed and started again: the time from the kill until the first of its trackers answered, half of them,
	// and all. A lease of it is for being sure that nobody else has them.
	RecoveryFirst float64 `json:"recovery_first_seconds"`
	RecoveryHalf  float64 `json:"recovery_half_seconds"`
	RecoveryAll   float64 `json:"recovery_all_seconds"`

	// The same with the server's process, if it is the bench's: until a lookup was answered by a tracker, and a start was stored.
	ServerRecoveryLookup float64 `json:"server_recovery_lookup_seconds,omitempty"`
	ServerRecoveryStart  float64 `json:"server_recovery_start_seconds,omitempty"`

	Ceilings Ceilings `json:"ceilings"`
	Shares   Shares   `json:"shares"`
	Phases   []Phase  `json:"phases"`
}

// Ceilings are what the machine does when nothing is tracked.
type Ceilings struct {
	RequestsPerSecond   float64 `json:"requests_per_second"`       // bare request and reply of a lookup's sizes, InFlight at a time
	BatchPerSecond      float64 `json:"batch_messages_per_second"` // messages of full atomic batches, as long as the journal's, on a stream of the same settings
	GoroutinesPerSecond float64 `json:"goroutines_per_second"`     // bare goroutines with a mailbox, in a map
	GoroutineBytes      float64 `json:"goroutine_bytes"`           // memory of one of them
	GoroutineCount      int     `json:"goroutines"`                // of them that were started
}

// Shares are figures as shares of their ceilings, 1 being the ceiling.
type Shares struct {
	Starts  float64 `json:"starts"`  // of batches of two messages a start
	Lookups float64 `json:"lookups"` // of bare requests
	Journal float64 `json:"journal"` // of batches
}

// Phase says how long something took.
type Phase struct {
	Name    string  `json:"name"`
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
}

// rate returns count per second.
func (p Phase) rate() float64 {
	if p.Seconds <= 0 {
		return 0
	}
	return float64(p.Count) / p.Seconds
}

func phase(name string, count int, took time.Duration) Phase {
	return Phase{Name: name, Count: count, Seconds: took.Seconds()}
}

// share returns a/b, 0 if there is no b.
func share(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}
