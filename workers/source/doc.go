// Package source is what a tracker needs of the outside: the contract between trackers and the packages that follow
// transactions where they live (a chain, a payment API).
//
// A source owns all talking to the outside and hands each tracker observations; the tracker owns policy (finality, drop,
// timeout) and events. An error of the outside is never an observation and never a crash: it shows in [Health] and decides
// nothing.
//
// # Who calls what
//
// A worker makes one source per profile, and calls Run on it in a goroutine of its own until the worker stops. Run that returns
// early, or panics, is called again after a pause; the watches are still there. When a transaction starts, Parse turns its params
// into a [Target]; when its tracker starts, restarts or comes from another worker, Watch begins, with a [Hint] of what the tracker's
// record knows. The tracker asks for a height with Wake once it is in a block; a person's refresh is Refresh; an end, a stop and a
// handover are Close. Checkpoint is stored now and then, and comes back as Hint.Since. Health and Checks are for people, and for the
// metrics.
//
// # What may block
//
// Only Run may wait for the outside, and ends soon after its context. Everything else returns at once, from whichever goroutine it is
// called, whether Run runs or not. Parse does no I/O. Observe returns at once and calls neither the handle nor the source, so that a
// source may hold its locks meanwhile.
//
// # What observers are told
//
//   - Every watch gets a first observation as soon as the outside can be asked: what is so now, also when another watch of the same
//     transaction was told already. Every Refresh is followed by one when the outside answers.
//   - Observations of one transaction come in the order in which they were so outside, one at a time. None begins after Close returned.
//   - [Absent] is said only by an endpoint that is up to date. No answer is not Absent.
//   - What may still be taken back, [Included], is followed by [Reorged] when it is. [Settled] and [Replaced] are for good; they are
//     said again to whoever watches or refreshes later, so that a tracker which lost one gets there all the same.
//   - Where there are blocks: an observation is checked against the canonical chain first, and a whole reorganisation is processed
//     before any of it is told. Observations have the heights of the heads as they were then.
//   - Where there are none: only Absent, [Pending] and Settled are said, without heights, and Checkpoint stays zero.
//
// A slow tracker does not slow the source down: what it has not taken yet is merged in its [Inbox].
//
// # A source of one's own
//
// Package polled makes one of a function that asks about many transactions at once. Package sourcetest has the suite that every source
// passes. The function Kind of cmd/tracker/cli gives it a name in the configuration.
package source
