package config

import "time"

// Settings is everything that can be set. The koanf tags are the names in the file; flags and environment use the same
// with other punctuation: supervision.max_restarts is TRACKER_SUPERVISION_MAX_RESTARTS.
type Settings struct {
	Server      []URL         `koanf:"server" doc:"NATS servers of one cluster"`
	Context     string        `koanf:"context" doc:"nats context to connect with, as made by nats context add"`
	Creds       string        `koanf:"creds" doc:"NATS credentials file"`
	User        string        `koanf:"user" doc:"NATS user, with password"`
	Password    Secret        `koanf:"password" doc:"password of the NATS user"`
	Nkey        string        `koanf:"nkey" doc:"file of the seed of an nkey, instead of user and password"`
	InboxPrefix string        `koanf:"inbox_prefix" doc:"what the subjects of replies begin with, where the NATS user has a prefix of its own"`
	TLS         TLS           `koanf:"tls"`
	Timeout     time.Duration `koanf:"timeout" doc:"how long one request may take"`
	Output      string        `koanf:"output" doc:"table, json, jsonl or none"`

	Fleet        string        `koanf:"fleet" doc:"name of the fleet in the source of its events"`
	Name         string        `koanf:"name" doc:"name of this worker, unique in the fleet"`
	HTTP         string        `koanf:"http" doc:"address of /healthz, /readyz and /metrics; empty: not served"`
	HTTPInsecure bool          `koanf:"http_insecure" doc:"serve HTTP off loopback though it has neither TLS nor authentication"`
	Lease        time.Duration `koanf:"lease" doc:"silence after which peers take a worker's partitions over"`
	ManageAssets string        `koanf:"manage_assets" doc:"create streams that are missing, or only verify them"`
	AllowCrash   bool          `koanf:"allow_crash" doc:"serve the crash op of tracker.call"`
	MaxTrackers  int           `koanf:"max_trackers" doc:"trackers that run in one worker; starts beyond are refused with 429"`
	StopTimeout  time.Duration `koanf:"stop_timeout" doc:"how long a graceful stop may take"`
	Log          Log           `koanf:"log"`

	Data    string `koanf:"data" doc:"folder of the embedded NATS store; empty: a temporary one"`
	Port    int    `koanf:"port" doc:"TCP port of the embedded NATS server; 0: any"`
	Workers int    `koanf:"workers" doc:"workers in one process"`

	Retention   Retention   `koanf:"retention"`
	Streams     Streams     `koanf:"streams"`
	Supervision Supervision `koanf:"supervision"`

	DefaultSource string  `koanf:"default_source" doc:"source of starts that name none; left out: the only one there is"`
	Sources       Sources `koanf:"sources"`
}

// TLS is how to trust a NATS server and be trusted by it.
type TLS struct {
	CA             string `koanf:"ca" doc:"file of certificate authorities to trust"`
	Cert           string `koanf:"cert" doc:"file of the client certificate"`
	Key            string `koanf:"key" doc:"file of the client certificate's key"`
	HandshakeFirst bool   `koanf:"handshake_first" doc:"begin with TLS, where the server does; it says nothing before"`
}

// Log is what is logged.
type Log struct {
	Level  string `koanf:"level" doc:"debug, info, warn or error"`
	Format string `koanf:"format" doc:"console or json"`
}

// Retention is how long the server keeps what has ended. Every transaction kept costs it about 230 bytes of memory for
// its record and as much for each of its events.
type Retention struct {
	Finished time.Duration `koanf:"finished" doc:"records of finished transactions; as long a late duplicate start is recognised"`
	Events   time.Duration `koanf:"events" doc:"events"`
}

// Streams is how the streams are made that are missing, and what the server takes of them.
type Streams struct {
	Replicas    int `koanf:"replicas" doc:"copies of every stream; 3 in a cluster of 3 or more"`
	OpenBatches int `koanf:"open_batches" doc:"atomic batches that the server takes at one time, its max_batch_inflight_per_stream"`
}

// Supervision is how crashed trackers are brought back.
type Supervision struct {
	MaxRestarts int           `koanf:"max_restarts" doc:"restarts within period, beyond which a tracker is parked"`
	Period      time.Duration `koanf:"period" doc:"span in which restarts are counted"`
	Backoff     Backoff       `koanf:"backoff"`
}

// Backoff is the wait before a restart: base, doubled each time up to cap, with full jitter.
type Backoff struct {
	Base time.Duration `koanf:"base" doc:"longest wait before the first restart"`
	Cap  time.Duration `koanf:"cap" doc:"longest wait before any restart"`
}
