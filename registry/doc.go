// Package registry maps a key to the one live process that owns it, as Elixir's Registry does with keys: :unique.
//
// Guarantees:
//
//   - One winner. Of any number of concurrent registrations of a key exactly one succeeds; every other one is given the
//     winner and leaves nothing behind.
//   - Lookups take no lock, wait for nobody and allocate nothing. The owner a lookup returns was registered at some moment
//     during the call; it may have died since, which no registry can rule out.
//   - Removal and replacement compare the owner's identity, never the key alone, so that a late cleanup cannot remove a
//     successor.
//   - Owners that know their own key cost the registry one word each, and the slack of its tables: [Owners]. For others it
//     keeps an entry with the key: [Registry], and with a value: [Table].
//   - A value beside the owner is changed by its owner only.
//   - Keys are literals compared with ==. Nothing in a key is a wildcard.
//   - Listeners see registrations and removals in order per key and can resume at a sequence number. They never make a
//     writer wait. Without listeners they cost one atomic load per write and nothing per lookup.
//
// Inside, keys are spread over shards by hash. A shard is an open-addressing table of atomic pointers to the owners, or to
// immutable entries: writers of a shard exclude each other with its mutex, readers only load pointers. A table that grew or
// shrank is published as a whole and the old one is left untouched for the readers in it.
//
// Lock order: shard, then listener set, then listener. No function of the user runs under a lock except those given to
// [Table.Update] and [NewOwners].
package registry
