package config

import (
	"time"

	"trackerfleet/workers/simulated"
)

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

// Sources maps the name of a source profile to it.
type Sources map[string]Source

// Source is one source profile: the one of its pointers that belongs to Kind is set.
type Source struct {
	Kind      string
	Ethereum  *Ethereum
	HTTP      *HTTP
	Simulated *simulated.Config
}

// The kinds of sources.
const (
	KindEthereum  = "ethereum"
	KindHTTP      = "http"
	KindSimulated = "simulated"
)

// Ethereum is a chain that speaks Ethereum's JSON-RPC. What is zero is as [ethereum.Config] has it.
type Ethereum struct {
	Chain     string        `koanf:"chain" doc:"CAIP-2 name that the endpoints must confirm, such as eip155:1"`
	Endpoints []Endpoint    `koanf:"endpoints" doc:"JSON-RPC endpoints of the chain"`
	Poll      time.Duration `koanf:"poll" doc:"time between two looks at the head"`
	Timeout   time.Duration `koanf:"timeout" doc:"of one request"`
	MaxBody   int64         `koanf:"max_body" doc:"bytes of one answer"`

	BatchSize      int           `koanf:"batch_size" doc:"calls in one request"`
	Window         int           `koanf:"window" doc:"blocks back that a reorganisation is followed block by block"`
	SweepAfter     time.Duration `koanf:"sweep_after" doc:"how long a transaction in no block goes without being looked up"`
	SweepBatch     int           `koanf:"sweep_batch" doc:"such transactions looked up per poll"`
	ReceiptsAtOnce int           `koanf:"receipts_at_once" doc:"watched transactions in a block from which on all its receipts are fetched"`
	SafeDepth      uint64        `koanf:"safe_depth" doc:"blocks below the latest that stand in for the safe head"`
	FinalizedDepth uint64        `koanf:"finalized_depth" doc:"blocks below the latest that stand in for the finalized head"`

	Confirmations uint64        `koanf:"confirmations" doc:"needed by starts that ask for no finality"`
	DropAfter     uint64        `koanf:"drop_after" doc:"blocks without a sign before a transaction is dropped"`
	DropMinAge    time.Duration `koanf:"drop_min_age" doc:"age below which no transaction is dropped"`
	MissingChecks int           `koanf:"missing_checks" doc:"looks in vain that make a pending transaction missing"`
}

// Endpoint is one JSON-RPC endpoint. In the file a bare URL stands for an endpoint with nothing else set.
type Endpoint struct {
	URL     Secret            `koanf:"url" secret:"url" doc:"http or https"`
	WS      Secret            `koanf:"ws" secret:"url" doc:"ws or wss; tells of new heads"`
	Rate    float64           `koanf:"rate" doc:"requests a second; 0: unlimited"`
	Headers map[string]Secret `koanf:"headers" doc:"sent with every request"`
}
