package config

import "time"

// Settings is everything that can be set. The key tags are the names in the file; flags and environment use the same
// with other punctuation: supervision.max_restarts is TRACKER_SUPERVISION_MAX_RESTARTS.
type Settings struct {
	Server  []URL         `key:"server" doc:"NATS servers of one cluster"`
	Context string        `key:"context" doc:"nats context to connect with, as made by nats context add"`
	Creds   string        `key:"creds" doc:"NATS credentials file"`
	TLS     TLS           `key:"tls"`
	Timeout time.Duration `key:"timeout" doc:"how long one request may take"`
	Output  string        `key:"output" doc:"table, json, jsonl or none"`

	Fleet        string        `key:"fleet" doc:"name of the fleet in the source of its events"`
	Name         string        `key:"name" doc:"name of this worker, unique in the fleet"`
	HTTP         string        `key:"http" doc:"address of /healthz, /readyz and /metrics; empty: not served"`
	HTTPInsecure bool          `key:"http_insecure" doc:"serve HTTP off loopback though it has neither TLS nor authentication"`
	Lease        time.Duration `key:"lease" doc:"silence after which peers take a worker's partitions over"`
	ManageAssets string        `key:"manage_assets" doc:"create streams that are missing, or only verify them"`
	AllowCrash   bool          `key:"allow_crash" doc:"serve the crash op of tracker.call"`
	MaxTrackers  int           `key:"max_trackers" doc:"trackers that run in one worker; starts beyond are refused with 429"`
	StopTimeout  time.Duration `key:"stop_timeout" doc:"how long a graceful stop may take"`
	Log          Log           `key:"log"`

	Data    string `key:"data" doc:"folder of the embedded NATS store; empty: a temporary one"`
	Port    int    `key:"port" doc:"TCP port of the embedded NATS server; 0: any"`
	Workers int    `key:"workers" doc:"workers in one process"`

	Retention   Retention   `key:"retention"`
	Streams     Streams     `key:"streams"`
	Supervision Supervision `key:"supervision"`

	DefaultSource string  `key:"default_source" doc:"source of starts that name none; left out: the only one there is"`
	Sources       Sources `key:"sources"`
}

// TLS is how to trust a NATS server and be trusted by it.
type TLS struct {
	CA   string `key:"ca" doc:"file of certificate authorities to trust"`
	Cert string `key:"cert" doc:"file of the client certificate"`
	Key  string `key:"key" doc:"file of the client certificate's key"`
}

// Log is what is logged.
type Log struct {
	Level  string `key:"level" doc:"debug, info, warn or error"`
	Format string `key:"format" doc:"console or json"`
}

// Retention is how long the server keeps what has ended. Every transaction kept costs it about 230 bytes of memory for
// its record and as much for each of its events.
type Retention struct {
	Finished time.Duration `key:"finished" doc:"records of finished transactions; as long a late duplicate start is recognised"`
	Events   time.Duration `key:"events" doc:"events"`
}

// Streams is how the streams are made that are missing.
type Streams struct {
	Replicas int `key:"replicas" doc:"copies of every stream; 3 in a cluster of 3 or more"`
}

// Supervision is how crashed trackers are brought back.
type Supervision struct {
	MaxRestarts int           `key:"max_restarts" doc:"restarts within period, beyond which a tracker is parked"`
	Period      time.Duration `key:"period" doc:"span in which restarts are counted"`
	Backoff     Backoff       `key:"backoff"`
}

// Backoff is the wait before a restart: base, doubled each time up to cap, with full jitter.
type Backoff struct {
	Base time.Duration `key:"base" doc:"longest wait before the first restart"`
	Cap  time.Duration `key:"cap" doc:"longest wait before any restart"`
}

// Sources maps the name of a source profile to it.
type Sources map[string]Source

// Source is one source profile: the one of its pointers that belongs to Kind is set.
type Source struct {
	Kind      string
	Ethereum  *Ethereum
	Simulated *Simulated
}

// The kinds of sources.
const (
	KindEthereum  = "ethereum"
	KindSimulated = "simulated"
)

// Ethereum is a chain that speaks Ethereum's JSON-RPC.
type Ethereum struct {
	Chain     string        `key:"chain" doc:"CAIP-2 name that the endpoints must confirm, such as eip155:1"`
	Endpoints []Endpoint    `key:"endpoints" doc:"JSON-RPC endpoints of the chain"`
	Poll      time.Duration `key:"poll" doc:"how often the head is asked for"`
}

// Endpoint is one JSON-RPC endpoint. In the file a bare URL stands for an endpoint with nothing else set.
type Endpoint struct {
	URL     Secret            `key:"url" secret:"url" doc:"http or https"`
	WS      Secret            `key:"ws" secret:"url" doc:"ws or wss; tells of new heads"`
	Rate    float64           `key:"rate" doc:"requests a second; 0: unlimited"`
	Headers map[string]Secret `key:"headers" doc:"sent with every request"`
}

// Simulated is a chain that exists in memory only and is the same for the same seed.
type Simulated struct {
	Seed      uint64        `key:"seed" doc:"decides everything that happens"`
	BlockTime time.Duration `key:"block_time" doc:"time between two blocks"`
}
