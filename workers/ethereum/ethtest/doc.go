// Package ethtest has nodes to test against: a scripted JSON-RPC server that can be told to misbehave, and a real geth.
//
// It is for tests only.
package ethtest
