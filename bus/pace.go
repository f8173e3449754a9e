package bus

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Pauses between attempts to connect: short ones after a loss, of which several fit into a lease, and longer ones while a server is
// there and refuses, which only somebody can change. Each is longer by a random part of reconnectJitter.
const (
	reconnectWait   = 50 * time.Millisecond
	reconnectJitter = 200 * time.Millisecond
	refusedWait     = time.Second
)

// pace is how fast a connection is tried again.
type pace struct{ refused atomic.Bool }

func (p *pace) failed(err error) { p.refused.Store(Refused(err)) }

func (p *pace) connected() { p.refused.Store(false) }

// pause is how long to wait after every server was tried in vain.
func (p *pace) pause(int) time.Duration {
	wait := reconnectWait
	if p.refused.Load() {
		wait = refusedWait
	}
	return wait + rand.N(reconnectJitter)
}
