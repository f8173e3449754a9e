package cli

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/bench"
	"trackerfleet/cmd/tracker/bench/node"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/workers/simulated"
)

// What the trackers of a bench refer to. In either case a start is one transition, the two messages that its share of the ceiling is of:
// nobody has seen the transaction, and so nothing follows before the tracker is ended.
const (
	referenceSimulated = "simulated"
	referenceEthereum  = "ethereum"
)

// references says what the references are, by name.
var references = map[string]string{
	referenceSimulated: "a transaction on a simulated chain",
	referenceEthereum:  "the hash of an Ethereum transaction, asked for at a stand-in for a node",
}

func referenceNames() []string { return []string{referenceSimulated, referenceEthereum} }

const (
	// benchBlockTime is about as long as on Ethereum's main chain.
	benchBlockTime = 10 * time.Second
	// benchStandstill is the block time of a simulated chain, longer than most benches: where nobody has seen a transaction, the chain
	// looks for all of them again in the same block, as no chain with a sweep does, and then they would not be idle.
	benchStandstill = 4 * time.Hour
	// benchDropAge is longer than any bench: no transaction is given up as dropped.
	benchDropAge = 7 * 24 * time.Hour

	// benchSimulated are the params of a transaction on a simulated chain that comes to no end and, with benchNullShare, is not seen.
	benchSimulated = `{"outcome":"pending","drop_after":0}`
	benchNullShare = 1
	// benchEthereum are the params of an Ethereum transaction, as people give them.
	benchEthereum = `{"hash":"0x%x","finality":{"confirmations":12}}`
)

// withReference calls serve with the source profile for a reference of that name, and with the reference. What the profile needs is there
// until serve returns.
func withReference(name string, serve func(config.Source, bench.Reference) error) error {
	if name == referenceSimulated {
		return serve(config.Simulated(standstill(time.Now())), bench.Reference{Name: name, Params: func(bus.ID) json.RawMessage { return json.RawMessage(benchSimulated) }})
	}
	standIn, err := node.Start(benchBlockTime)
	if err != nil {
		return err
	}
	err = serve(config.EthereumAt(node.Chain, standIn.URL(), benchDropAge), bench.Reference{Name: name, Params: ethereumParams})
	return errors.Join(err, standIn.Close())
}

// standstill returns a chain whose next block comes in so much time.
func standstill(now time.Time) simulated.Config {
	const past = 100 // blocks
	return simulated.Config{Seed: 1, Genesis: now.Add(-past * benchStandstill), BlockTime: benchStandstill, NullShare: benchNullShare}
}

// ethereumParams are those of a transaction whose hash is made of its ID.
func ethereumParams(id bus.ID) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(benchEthereum, sha256.Sum256([]byte(id.String()))))
}
