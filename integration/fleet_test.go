package integration

import (
	"testing"

	"trackerfleet/integration/process"
)

// simulated is a configuration whose chain is quick and does only what a start's params ask for.
const simulated = `
default_source: sim
sources:
  sim: {kind: simulated, seed: 1, block_time: 50ms}
supervision: {max_restarts: 3, period: 1m, backoff: {base: 20ms, cap: 200ms}}
`

// forever are params of a transaction that is known and never included; soon of one that is confirmed quickly.
const (
	forever = `{"outcome":"pending"}`
	soon    = `{"outcome":"confirm","confirmations":2}`
)

// fleet is a nats-server, the workers on it, and a client that is none of theirs.
type fleet struct {
	*client
	server  *process.Server
	workers []*process.Worker
}

// newFleet starts a nats-server and a worker for each of the names.
func newFleet(t testing.TB, names ...string) *fleet {
	t.Helper()
	f := &fleet{server: process.StartServer(t)}
	f.client = newClient(t, f.server.Connect(t))
	for _, name := range names {
		f.workers = append(f.workers, f.startWorker(t, name))
	}
	return f
}

// startWorker starts a worker of the fleet and waits until it is ready.
func (f *fleet) startWorker(t testing.TB, name string) *process.Worker {
	t.Helper()
	return process.StartWorker(t, f.workerConfig(name))
}

func (f *fleet) workerConfig(name string) process.WorkerConfig {
	return process.WorkerConfig{
		Server: f.server.URL, Name: name, YAML: simulated, Lease: "900ms",
		Flags: []string{"--manage-assets", "create", "--allow-crash"},
	}
}
