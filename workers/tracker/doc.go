// Package tracker is what a tracker decides and what it remembers: the state machine of one tracked transaction and its
// durable record.
//
// Everything here is pure. Nothing does I/O, reads a clock, starts a goroutine or takes a lock; what depends on time takes
// now. A [Record] is never changed: every decision leads to a new one, so a record may be read while the next is decided,
// written or thrown away. The shell around it feeds observations in, writes what a [Decision] calls durable together with
// its events in one batch, and goes on with [Decision.Next] only once that is committed.
//
// What holds for every sequence of calls, however absurd the observations are:
//   - events are numbered without gaps, over all runs of a transaction;
//   - a run has at most one terminal event, it is the run's last event, and afterwards every decision is empty;
//   - confirmed and failed come only after an inclusion that reached finality, replaced only after another transaction's
//     inclusion that did, or when the source says that the nonce is used up for good; where there are no blocks, the last
//     word of the provider stands for both;
//   - one look in vain decides nothing, and a failing source decides nothing at all;
//   - a stale observation changes nothing;
//   - no observation touches the epoch or the incarnation.
//
// In plain words: a tracker believes blocks, waits until they are final, and is slow to say that something is gone.
//
// Records are JSON. Fields that this version doesn't know are kept when a record is decoded, changed and encoded again, so
// that workers of different versions can share a fleet; for that, new fields are only ever added at the top level. See
// [Decode].
package tracker
