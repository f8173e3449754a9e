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
	// benchBlockTime is long, about as long as on Ethereum's main chain: what is measured are trackers, not the chain.
	benchBlockTime = 10 * time.Second
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
		chain := config.Simulated(simulated.Config{Seed: 1, BlockTime: benchBlockTime, NullShare: benchNullShare})
		return serve(chain, bench.Reference{Name: name, Params: func(bus.ID) json.RawMessage { return json.RawMessage(benchSimulated) }})
	}
	standIn, err := node.Start(benchBlockTime)
	if err != nil {
		return err
	}
	err = serve(config.EthereumAt(node.Chain, standIn.URL(), benchDropAge), bench.Reference{Name: name, Params: ethereumParams})
	return errors.Join(err, standIn.Close())
}

// ethereumParams are those of a transaction whose hash is made of its ID.
func ethereumParams(id bus.ID) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(benchEthereum, sha256.Sum256([]byte(id.String()))))
}
