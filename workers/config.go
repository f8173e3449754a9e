package workers

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
)

// Config of a [Worker]. Only Name and Sources have no default.
type Config struct {
	// Name tells this worker from others; letters, digits, - and _, at most 64. Two live workers must not share one.
	Name string
	// Version is said in heartbeats and in the service description; a semantic version.
	Version string
	// Fleet names the fleet in the ce-source of events. Default "default".
	Fleet string

	// Sources are the source profiles by name; starts name one of them.
	Sources map[string]source.Source
	// DefaultSource is for starts that name none. Default: the only profile, if there is just one.
	DefaultSource string

	// Lease is the silence after which peers take a worker's partitions over; it freezes itself after two thirds of it.
	// Default 3s, at least 300ms.
	Lease time.Duration

	// Restarts limits and paces the restarts of each tracker. The zero value means supervision's defaults.
	Restarts supervision.Intensity
	// Backoff is the pause before a restart. The zero value means supervision's defaults.
	Backoff supervision.Backoff

	// MaxTrackers limits the live trackers of this worker; starts beyond it are answered with 429. Default 2,000,000.
	MaxTrackers int
	// MaxRequests limits the requests that are waited for at one time; more are answered with 429. Default 4096.
	MaxRequests int

	// OpenBatches is how many atomic batches the server takes at one time for one stream, its max_batch_inflight_per_stream. The
	// live workers share them. Default 50, as the server's.
	OpenBatches int

	// RecordTTL is how long the record of a finished transaction is kept, and so how long a duplicate start is known as
	// one. Default 168h; at least 1s.
	RecordTTL time.Duration
	// EventTTL is how long events are kept. Default 72h; at least 1s.
	EventTTL time.Duration
	// CheckpointEvery is how often the height up to which sources were followed is saved. Default 10s.
	CheckpointEvery time.Duration

	// InboxPrefixes are the prefixes of reply subjects that requests are answered on. Default: those of NATS clients, "_INBOX." and "_INBOX_".
	InboxPrefixes []string

	// Assets is how the streams were made; they are checked against it every 2 s.
	Assets bus.AssetSettings
	// ManageAssets says whether streams that are missing while the worker runs are created, as they were at the start, or waited
	// for. Default: bus.AssetsVerify.
	ManageAssets bus.AssetMode

	// AllowCrash serves the call op crash, with which anybody can make a tracker panic. For rehearsals.
	AllowCrash bool

	// Refusals is what the connections note there of what the server refuses them; the worker is not ready while it misses a
	// permission. Default: nothing is noted.
	Refusals *bus.Refusals

	// Logger takes the worker's log. Default: none.
	Logger *zap.Logger
}

var workerName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c Config) withDefaults() Config {
	setDefault(&c.Version, "0.0.0")
	setDefault(&c.Fleet, "default")
	setDefault(&c.Lease, 3*time.Second)
	setDefault(&c.MaxTrackers, 2_000_000)
	setDefault(&c.MaxRequests, 4096)
	setDefault(&c.OpenBatches, 50)
	setDefault(&c.RecordTTL, 7*24*time.Hour)
	setDefault(&c.EventTTL, 3*24*time.Hour)
	setDefault(&c.CheckpointEvery, 10*time.Second)
	setDefault(&c.ManageAssets, bus.AssetsVerify)
	if c.DefaultSource == "" && len(c.Sources) == 1 {
		for name := range c.Sources {
			c.DefaultSource = name
		}
	}
	if c.Refusals == nil {
		c.Refusals = new(bus.Refusals)
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (c Config) validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("workers: "+format, args...))
		}
	}
	fault(workerName.MatchString(c.Name), "Name %q: 1 to 64 letters, digits, - and _ are allowed", c.Name)
	fault(len(c.Sources) > 0, "Sources: at least one source profile is needed")
	if c.DefaultSource != "" {
		_, ok := c.Sources[c.DefaultSource]
		fault(ok, "DefaultSource %q: no such source profile", c.DefaultSource)
	}
	fault(c.Lease >= 300*time.Millisecond, "Lease %v: at least 300ms is needed", c.Lease)
	fault(c.MaxTrackers > 0, "MaxTrackers %d: must be positive", c.MaxTrackers)
	fault(c.MaxRequests > 0, "MaxRequests %d: must be positive", c.MaxRequests)
	fault(c.OpenBatches > 0, "OpenBatches %d: must be positive", c.OpenBatches)
	fault(c.RecordTTL >= time.Second, "RecordTTL %v: at least 1s is needed", c.RecordTTL)
	fault(c.EventTTL >= time.Second, "EventTTL %v: at least 1s is needed", c.EventTTL)
	fault(c.CheckpointEvery > 0, "CheckpointEvery %v: must be positive", c.CheckpointEvery)
	return errors.Join(faults...)
}
