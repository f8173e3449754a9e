package integration

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

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
	return newFleetOn(t, process.ServerConfig{}, names...)
}

// newFleetOn is newFleet on a nats-server that is started as config says.
func newFleetOn(t testing.TB, config process.ServerConfig, names ...string) *fleet {
	t.Helper()
	f := &fleet{server: process.StartServerWith(t, config)}
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
		Server: f.server.URL, Name: name, YAML: simulated, Lease: "2s",
		Flags: []string{"--manage-assets", "create", "--allow-crash"},
	}
}

// view is the fleet as one worker that answers sees it.
type view struct {
	AnsweredBy string `json:"answered_by"`
	Workers    []struct {
		Worker     string
		Alive      bool
		Partitions int
	}
	Partitions []struct {
		Partition int
		State     string
		Worker    string
		Epoch     uint64
	}
}

// look asks the fleet how it is. A worker that is stopped can be asked and does not answer, so it does not wait for long.
func (f *fleet) look() (v view, err error) {
	msg, err := f.nc.Request("tracker.fleet", nil, 250*time.Millisecond)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(msg.Data, &v)
}

// ownsAll returns why it is not so that the worker owns every partition.
func (f *fleet) ownsAll(worker string) error {
	v, err := f.look()
	if err != nil {
		return err
	}
	for _, p := range v.Partitions {
		if p.Worker != worker || p.State != "owned" {
			return fmt.Errorf("partition %d is %s by %s", p.Partition, p.State, p.Worker)
		}
	}
	return nil
}

// alive returns why it is not so that n workers live.
func (f *fleet) alive(n int) error {
	v, err := f.look()
	for _, w := range v.Workers {
		if w.Alive {
			n--
		}
	}
	if err == nil && n != 0 {
		err = fmt.Errorf("%d workers more should live: %+v", n, v.Workers)
	}
	return err
}
