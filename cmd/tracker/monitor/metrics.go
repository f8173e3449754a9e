package monitor

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trackerfleet/workers"
	"trackerfleet/workers/source"
)

const namespace = "tracker"

// metric is one family of a worker and how its series come from the worker's figures.
type metric struct {
	name, help string
	labels     []string
	collect    func(s *workers.Stats, emit emitter)
	desc       *prometheus.Desc
}

// emitter sends the series of one family.
type emitter struct {
	desc *prometheus.Desc
	out  chan<- prometheus.Metric
}

func (e emitter) gauge(v float64, labels ...string) {
	e.out <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, v, labels...)
}

func (e emitter) count(v uint64, labels ...string) {
	e.out <- prometheus.MustNewConstMetric(e.desc, prometheus.CounterValue, float64(v), labels...)
}

// mean sends count and sum, of which rates give the mean over any time.
func (e emitter) mean(count uint64, sum float64) {
	e.out <- prometheus.MustNewConstSummary(e.desc, count, sum, nil)
}

// count returns a family of one counter.
func count(name, help string, of func(*workers.Stats) uint64) metric {
	return metric{name: name, help: help, collect: func(s *workers.Stats, e emitter) { e.count(of(s)) }}
}

// gauge returns a family of one gauge.
func gauge(name, help string, of func(*workers.Stats) float64) metric {
	return metric{name: name, help: help, collect: func(s *workers.Stats, e emitter) { e.gauge(of(s)) }}
}

// families returns every family of a worker.
func families() []metric {
	return append([]metric{
		{name: "active", help: "Trackers by phase.", labels: []string{"phase"}, collect: active},
		{name: "starts_total", help: "Starts by result.", labels: []string{"result"}, collect: func(s *workers.Stats, e emitter) {
			e.count(s.Started, "created")
			e.count(s.Rejected, "rejected")
		}},
		{name: "events_published_total", help: "Stored events by type.", labels: []string{"type"}, collect: func(s *workers.Stats, e emitter) {
			for name, n := range s.Events {
				e.count(n, name)
			}
		}},
		count("lookups_total", "Lookups answered.", func(s *workers.Stats) uint64 { return s.Lookups }),
		count("crashes_total", "Crashes of trackers.", func(s *workers.Stats) uint64 { return s.Crashed }),
		count("restarts_total", "Trackers that run again after a crash.", func(s *workers.Stats) uint64 { return s.Restarted }),
		count("parked_total", "Trackers parked after too many crashes.", func(s *workers.Stats) uint64 { return s.Parked }),
		count("refused_replies_total", "Answers not sent: the reply subject was no inbox.", func(s *workers.Stats) uint64 { return s.RefusedReplies }),
		count("partition_moves_total", "Partitions taken over.", func(s *workers.Stats) uint64 { return s.PartitionMoves }),
		gauge("partitions_owned", "Partitions owned.", func(s *workers.Stats) float64 { return float64(s.Partitions) }),
		gauge("parked", "Parked trackers.", func(s *workers.Stats) float64 { return float64(s.Trackers.Parked) }),
		gauge("unreadable_records", "Records of which no tracker could be made.", func(s *workers.Stats) float64 { return float64(s.Unreadable) }),
		gauge("abandoned_goroutines", "Goroutines given up that still run.", func(s *workers.Stats) float64 { return float64(s.Trackers.Abandoned) }),
		gauge("frozen", "1 while the own heartbeat is not heard.", func(s *workers.Stats) float64 { return truth(s.Frozen) }),
		gauge("start_backlog_messages", "Starts stored and not yet tracked; on one worker of the fleet.",
			func(s *workers.Stats) float64 { return float64(s.StartBacklog) }),
		gauge("start_backlog_age_seconds", "Age of the oldest start under way.", func(s *workers.Stats) float64 { return s.StartBacklogAge.Seconds() }),
	}, append(journal(), sources()...)...)
}

func journal() []metric {
	return []metric{
		gauge("journal_pending", "Writes not ended yet.", func(s *workers.Stats) float64 { return float64(s.Journal.Pending) }),
		{name: "journal_batch_messages", help: "Messages of acknowledged batches.", collect: func(s *workers.Stats, e emitter) {
			e.mean(s.Journal.Batches, float64(s.Journal.Messages))
		}},
		{name: "journal_commit_seconds", help: "Time to the acknowledgement of batches.", collect: func(s *workers.Stats, e emitter) {
			e.mean(s.Journal.Batches, s.Journal.CommitSeconds)
		}},
		count("journal_retries_total", "Batches refused or of unknown outcome.", func(s *workers.Stats) uint64 { return s.Journal.Retries }),
		count("fenced_writes_total", "Writes refused because the partition had another owner.", func(s *workers.Stats) uint64 { return s.Journal.Fenced }),
		count("conflicting_writes_total", "Writes refused because the record had changed.", func(s *workers.Stats) uint64 { return s.Journal.Conflicts }),
		count("failed_writes_total", "Writes that ended with any other error.", func(s *workers.Stats) uint64 { return s.Journal.Failed }),
	}
}

func sources() []metric {
	each := func(name, help string, of func(source.Health) float64) metric {
		return metric{name: name, help: help, labels: []string{"source"}, collect: func(s *workers.Stats, e emitter) {
			for profile, h := range s.Sources {
				e.gauge(of(h), profile)
			}
		}}
	}
	return []metric{
		{name: "source_requests_total", help: "Calls to the outside.", labels: []string{"source", "method"}, collect: func(s *workers.Stats, e emitter) {
			for profile, h := range s.Sources {
				for method, n := range h.Calls {
					e.count(n, profile, method)
				}
			}
		}},
		each("source_degraded", "1 while the outside cannot be followed.", func(h source.Health) float64 { return truth(h.Degraded) }),
		each("source_head", "Height of the latest head.", func(h source.Health) float64 { return float64(h.Head) }),
		each("source_head_age_seconds", "Time since the head was last seen to move.", func(h source.Health) float64 {
			if h.HeadAt.IsZero() {
				return 0
			}
			return time.Since(h.HeadAt).Seconds()
		}),
		each("source_watched", "Transactions watched.", func(h source.Health) float64 { return float64(h.Watched) }),
	}
}

func active(s *workers.Stats, e emitter) {
	e.gauge(float64(s.Trackers.Starting), "starting")
	e.gauge(float64(s.Trackers.Running), "running")
	e.gauge(float64(s.Trackers.BackingOff), "backoff")
	e.gauge(float64(s.Trackers.Parked), "parked")
	e.gauge(float64(s.Trackers.Stopping), "stopping")
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// collector collects all families of one member from one snapshot.
type collector struct {
	member   Member
	families []metric
}

func newCollector(m Member) *collector {
	c := &collector{member: m, families: families()}
	for i, f := range c.families {
		c.families[i].desc = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", f.name), f.help, f.labels, nil)
	}
	return c
}

// Describe sends every family.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.families {
		out <- f.desc
	}
}

// Collect sends every series.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	stats := c.member.Stats()
	for _, f := range c.families {
		f.collect(&stats, emitter{f.desc, out})
	}
}

func buildInfo(b Build) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "What binary this is.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.Go},
	})
	g.Set(1)
	return g
}
