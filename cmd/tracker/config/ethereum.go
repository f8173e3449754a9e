package config

import (
	"net/http"
	"time"

	"trackerfleet/workers/ethereum"
)

// Ethereum is a chain that speaks Ethereum's JSON-RPC.
type Ethereum struct {
	Chain     string        `koanf:"chain" doc:"CAIP-2 name that the endpoints must confirm, such as eip155:1"`
	Endpoints []Endpoint    `koanf:"endpoints" doc:"JSON-RPC endpoints of the chain"`
	Poll      time.Duration `koanf:"poll" doc:"time between two looks at the head"`
	Probe     time.Duration `koanf:"probe" doc:"time between two looks at an endpoint that is well but not followed"`
	Watchdog  time.Duration `koanf:"watchdog" doc:"time between two looks at the head while a websocket tells of every new one"`
	MaxLag    uint64        `koanf:"max_lag" doc:"blocks behind another endpoint that make that one take over"`
	Timeout   time.Duration `koanf:"timeout" doc:"longest time that one request may take"`
	MaxBody   int64         `koanf:"max_body" doc:"bytes of one answer"`

	BatchSize      int           `koanf:"batch_size" doc:"calls in one request"`
	Window         int           `koanf:"window" doc:"blocks back that a reorganisation is followed block by block"`
	SweepAfter     time.Duration `koanf:"sweep_after" doc:"how long a transaction in no block goes without being looked up"`
	SweepBatch     int           `koanf:"sweep_batch" doc:"such transactions looked up per poll, oldest first; 0: as many as batch_size"`
	ReceiptsAtOnce int           `koanf:"receipts_at_once" doc:"watched transactions in one block from which on all its receipts are fetched"`
	SafeDepth      uint64        `koanf:"safe_depth" doc:"blocks below the latest that stand in for the safe head"`
	FinalizedDepth uint64        `koanf:"finalized_depth" doc:"blocks below the latest that stand in for the finalized head"`

	Confirmations uint64        `koanf:"confirmations" doc:"blocks needed by starts that ask for no finality, the including one counted"`
	DropAfter     uint64        `koanf:"drop_after" doc:"blocks without a sign before a transaction is dropped"`
	DropMinAge    time.Duration `koanf:"drop_min_age" doc:"age below which no transaction is dropped"`
	MissingChecks int           `koanf:"missing_checks" doc:"looks in vain that make a pending transaction missing"`
}

// Endpoint is one JSON-RPC endpoint. In the file a bare URL stands for an endpoint with nothing else set.
type Endpoint struct {
	URL     Secret            `koanf:"url" secret:"url" doc:"http or https"`
	WS      Secret            `koanf:"ws" secret:"url" doc:"ws or wss; tells of new heads"`
	Rate    float64           `koanf:"rate" doc:"requests a second; 0: unlimited"`
	Headers map[string]Secret `koanf:"headers" doc:"sent with every request, and with the handshake of the websocket"`
}

// ethereumDefaults returns the profile that sets nothing.
func ethereumDefaults() Ethereum {
	d := ethereum.Defaults()
	e := Ethereum{
		Chain: d.Chain, Poll: d.Poll, Probe: d.Probe, Watchdog: d.Watchdog, MaxLag: d.MaxLag, Timeout: d.Timeout, MaxBody: d.MaxBody,
		BatchSize: d.BatchSize, Window: d.Window, SweepAfter: d.SweepAfter, ReceiptsAtOnce: d.ReceiptsAtOnce, SafeDepth: d.SafeDepth,
		FinalizedDepth: d.FinalizedDepth,
		Confirmations:  d.Confirmations, DropAfter: d.DropAfter, DropMinAge: d.DropMinAge, MissingChecks: d.MissingChecks,
	}
	for _, endpoint := range d.Endpoints {
		e.Endpoints = append(e.Endpoints, Endpoint{URL: Secret{value: endpoint.URL, isURL: true}, Rate: endpoint.Rate})
	}
	return e
}

func newEthereum(e Ethereum) (*ethereum.Source, error) { return ethereum.New(e.config()) }

func (e Ethereum) config() ethereum.Config {
	cfg := ethereum.Config{
		Chain: e.Chain, Poll: e.Poll, Probe: e.Probe, Watchdog: e.Watchdog, MaxLag: e.MaxLag, Timeout: e.Timeout, MaxBody: e.MaxBody,
		BatchSize: e.BatchSize, Window: e.Window, SweepAfter: e.SweepAfter, SweepBatch: e.SweepBatch, ReceiptsAtOnce: e.ReceiptsAtOnce, SafeDepth: e.SafeDepth,
		FinalizedDepth: e.FinalizedDepth, Confirmations: e.Confirmations, DropAfter: e.DropAfter, DropMinAge: e.DropMinAge,
		MissingChecks: e.MissingChecks,
	}
	for _, endpoint := range e.Endpoints {
		var headers http.Header
		for name, value := range endpoint.Headers {
			if headers == nil {
				headers = http.Header{}
			}
			headers.Set(name, value.Reveal())
		}
		cfg.Endpoints = append(cfg.Endpoints, ethereum.Endpoint{
			URL: endpoint.URL.Reveal(), WS: endpoint.WS.Reveal(), Rate: endpoint.Rate, Headers: headers,
		})
	}
	return cfg
}
