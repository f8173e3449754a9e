// Package integration holds the tests that look at the whole: the article's promises, the wire contract as bytes, faults of
// real processes, real Ethereum, the README, the rules of the house, and the figures of the fleet.
//
// They talk to the fleet as any other service does, by NATS alone, so that what they prove is what a user gets. Everything
// runs from here: the binary and the nats-server are built from this module, and nothing outlives the tests. Nothing may
// import this package or those beneath it.
package integration
