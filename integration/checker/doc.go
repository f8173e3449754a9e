// Package checker judges a fleet from outside: from the events in the stream, from what clients were told of their starts, and
// from what the source knows to be true. It shares no code with the fleet; the wire contract is all that it knows.
//
// [Check] is pure and holds a [History] against five invariants:
//
//  1. No lost start: a start that was accepted has exactly one started event for its run.
//  2. Gapless order: a transaction's events are numbered 1, 2, 3 … in stream order, started is the first of a run, and nothing
//     follows the terminal event but a new run.
//  3. One terminal event per run, and it is the truth of the source.
//  4. (epoch, incarnation) never decreases along a transaction's events, one epoch belongs to one worker, and nothing is
//     written in an epoch that has ended.
//  5. Nobody else's: no event for a run that nobody started.
//
// A verdict is only worth something if everything was read and the fault of the test was felt: otherwise it is [Void], neither
// good nor bad. [Read] proves that it read everything: each sequence up to the last is either read or known to the stream as
// deleted, as replaced records are. It holds for streams whose events have not begun to expire.
package checker
