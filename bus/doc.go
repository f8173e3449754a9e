// Package bus is everything about NATS: the contract that the fleet has with the rest of the world, the client for other
// services written in Go, and what the workers keep in streams.
//
// The contract is types ([StartRequest], [Tracker], [Event], [Error] …), subjects, one decoder for whatever comes in
// ([DecodeStart], [DecodeSpawn], [DecodeLookup] …), which names every fault at once, and one table of errors ([CodeOf],
// [Code.Sentinel]). Schemas of all bodies are embedded as [Schemas].
//
// [Client] speaks the contract for other services: it asks the owner of a transaction directly, tries again while nobody
// owns it, and gives up when the caller's context ends. [Journal] is the workers' side: fenced group commits, so that at
// most one owner can write for a transaction.
//
// The package knows nothing of trackers' behaviour, of supervision or of sources.
package bus
