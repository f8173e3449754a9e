// Package node is a stand-in for an Ethereum node, so that trackers of Ethereum transactions can be measured where no node is: a chain of
// empty blocks, one after another, and transactions that nobody has seen. It answers, by JSON-RPC over HTTP on loopback, what
// [trackerfleet/workers/ethereum] asks of such a chain, alone or in batches, and nothing else.
package node
