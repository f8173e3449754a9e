// Package polled makes a source of one function that asks the outside about many transactions at once: a table in a file or in a
// database, a service that is polled. It is the shortest way to a source of one's own, where there are no blocks; an outside that has
// some, or needs a schedule of its own, implements [source.Source] itself.
//
// What it guarantees:
//
//   - A transaction that is watched is asked for at once, when a refresh wants it, and every Poll until it has ended; those that
//     were not looked at for the longest time come first, in turns with those that are new or refreshed.
//   - Run makes one call of Ask at a time; they begin at least Gap apart, and none asks for more than Batch. Two transactions with
//     the same reference are asked for once. There is one goroutine, that of Run, and one timer, whatever is watched.
//   - What Ask said before a watch or a refresh began is no answer to it.
//   - Every look in vain is told, as [source.Absent]; a state is told when it is new, or when a refresh asked for it. An end is told
//     to every watch that begins after it too, so nothing is lost when a tracker restarts or moves.
//   - An error of Ask decides nothing: the source is degraded until Ask answers again, and asks for the same transactions after a
//     pause that grows from Gap to Poll, if that is longer.
//
// One mutex guards everything and is held while observers are told; Ask is called without it.
package polled
