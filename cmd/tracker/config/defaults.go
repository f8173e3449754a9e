package config

import (
	"time"

	"trackerfleet/workers/simulated"
)

// Role is what the settings are for.
type Role int

// The roles.
const (
	RoleClient Role = iota // a verb that talks to a fleet
	RoleWorker             // tracker worker
	RoleDev                // tracker dev and tracker demo
)

// DefaultPort is the TCP port of the embedded NATS server, the one NATS servers use.
const DefaultPort = 4222

// Defaults returns the settings of a run that sets nothing. Each call returns a copy of its own.
func Defaults(role Role) Settings {
	s := Settings{
		Server:       []URL{"nats://127.0.0.1:4222"},
		Timeout:      5 * time.Second,
		Output:       "table",
		HTTP:         "127.0.0.1:0",
		Fleet:        "default",
		MaxTrackers:  2_000_000,
		Lease:        3 * time.Second,
		ManageAssets: "create",
		StopTimeout:  30 * time.Second,
		Log:          Log{Level: "info", Format: "console"},
		Port:         DefaultPort,
		Workers:      1,
		Retention:    Retention{Finished: 7 * 24 * time.Hour, Events: 3 * 24 * time.Hour},
		Streams:      Streams{Replicas: 1, OpenBatches: 50},
		Supervision: Supervision{
			MaxRestarts: 5,
			Period:      time.Minute,
			Backoff:     Backoff{Base: 100 * time.Millisecond, Cap: 30 * time.Second},
		},
	}
	switch role {
	case RoleWorker:
		s.Log.Format = "json"
	case RoleDev:
		s.HTTP = "127.0.0.1:8460"
		s.AllowCrash = true
		s.Log.Level = "warn"
		s.Sources = Sources{"sim": Simulated(simulated.Lively(1))} // everything happens on it that trackers are for
	}
	return s
}
