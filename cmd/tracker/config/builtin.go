package config

import (
	"reflect"
	"time"

	"trackerfleet/workers/simulated"
)

// The kinds of sources that are always there.
const (
	KindEthereum  = "ethereum"
	KindHTTP      = "http"
	KindSimulated = "simulated"
)

// Builtin returns the kinds of sources that are always there.
func Builtin() []Kind {
	return []Kind{
		ethereumKind(),
		NewKind(KindHTTP, httpDefaults(), newHTTP),
		simulatedKind(),
	}
}

// EthereumAt returns the profile of a chain with one node, whose address is shown, and written, as scheme, host and port only.
// Transactions that nobody has seen are dropped after dropMinAge at the earliest. All else is as by default.
func EthereumAt(chain, address string, dropMinAge time.Duration) Source {
	e := ethereumDefaults()
	e.Chain, e.Endpoints, e.DropMinAge = chain, []Endpoint{{URL: Secret{value: address, isURL: true}}}, dropMinAge
	return ethereumKind().profile(reflect.ValueOf(e))
}

func ethereumKind() Kind { return NewKind(KindEthereum, ethereumDefaults(), newEthereum) }

func simulatedKind() Kind { return NewKind(KindSimulated, simulated.Defaults(), simulated.New) }

// Simulated returns the profile of a simulated chain.
func Simulated(chain simulated.Config) Source { return simulatedKind().profile(reflect.ValueOf(chain)) }
