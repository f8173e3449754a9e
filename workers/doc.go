// Package workers is the worker process: it takes partitions, feeds starts to supervised trackers, answers requests and
// emits events. It is the only place where registry, supervision and bus meet.
//
// # What it guarantees
//
//   - A start is acknowledged (the cursor moves past it, or tracker.spawn replies) only after its record and its started
//     event are stored in one atomic batch.
//   - Everything a tracker decides is written as one atomic batch of its events and its record, fenced with the epoch of
//     its partition and compared with the record's revision. A worker that lost its partition writes nothing.
//   - At most one server runs for a transaction in this process, found under its ID in the registry; over the fleet the
//     fence and the freeze see to it.
//   - A tracker's name is free when the reply to its stop arrives, and never before its terminal event is stored.
//   - not_found is said only after the durable record was looked for and is absent.
//
// # How it is built
//
// A [Worker] owns partitions. For each transaction of them there is a cell: the committed record, what waits to be decided, and
// the one write in flight. The tracker is a supervised server (package supervision) over the cell; it runs the pure state
// machine of package tracker and hibernates between inputs. When it crashes, the supervisor makes a new server, which
// goes on from the committed record.
//
// One loop decides about ownership: it claims what is free or whose owner is silent, drops what others own by now, and gives
// away what others should have, all by the same deal of the partitions among the live workers, which every worker
// computes for itself. Giving a partition away stops its trackers, stores what they decided, and releases it.
//
// What was read of a partition holds for one tenure: until the partition is given up. A freeze ends no tenure if all that was
// owned can be claimed again; until that is proved the worker neither answers from memory nor writes.
//
// A stream of records that was deleted is lost with all that it held, but for what workers hold in memory: they move to the one that is
// made in its place, claim again what they held, and write the records of their trackers there; see the type anew. Until then
// trackers decide nothing, and the worker stays, though it is told to stop, as long as it may.
//
// The owner of partition 0 is also the pump, which reads the start stream. Sources are supervised processes; each tracker
// watches its transaction there through the cell.
//
// Locks: a cell's lock is taken before no other lock of this package except those of the
// deadlines, the watermarks, the backlogs and the partitions, and the child's. Nothing of a source is called with it held.
package workers
