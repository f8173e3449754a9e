package ethereum_test

import (
	"testing"

	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source/sourcetest"
)

func TestConformanceGeth(t *testing.T) {
	geth := ethtest.StartGeth(t)
	sourcetest.Run(t, func(t *testing.T) sourcetest.Harness { return newHarness(t, geth, 60) })
}
