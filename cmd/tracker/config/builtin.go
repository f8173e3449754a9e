package config

import (
	"reflect"

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
		NewKind(KindEthereum, ethereumDefaults(), newEthereum),
		NewKind(KindHTTP, httpDefaults(), newHTTP),
		simulatedKind(),
	}
}

func simulatedKind() Kind { return NewKind(KindSimulated, simulated.Defaults(), simulated.New) }

// Simulated returns the profile of a simulated chain.
func Simulated(chain simulated.Config) Source { return simulatedKind().profile(reflect.ValueOf(chain)) }
