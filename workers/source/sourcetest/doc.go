// Package sourcetest is the conformance suite of sources: what every [source.Source] does, whatever outside it follows. A source in
// another module can run it too.
//
// A package of a source implements [Harness] over an outside that it controls (a script, a fake server, a real node) and
// calls [Run]; one whose outside has no blocks implements [Provider] and calls [RunProvider]. The suite drives the outside step by
// step and checks what the source hands over, in order.
//
// The test of integration/ownsource/table, a module of its own, is one to begin with.
//
// The suite makes an outside for every part, and sources of it with NewSource: two of them are two workers. A step such as Process,
// Settle or Mine has happened outside when it returns; whether a source has seen it is what the suite finds out. So a step may write a
// file or call a node, and waits for nothing else. The suite never sleeps: it waits for the next observation, or for health and checks to
// say so, for 20 s at most. A source under test therefore looks again within milliseconds; give it short pauses, and no limit
// of requests a second that it would meet.
//
// What is checked: each kind of observation and the order of them; a watch before, during and after what happens; several watches of one
// transaction; refresh; close, also in the middle of everything; the end of Run and a Run after it; an outage, which decides nothing and
// shows in health; what is told to people; params that make no sense; many goroutines at once; that neither goroutines nor, where there are
// blocks, calls grow with what is watched. With blocks also wakes, reorganisations, hints, checkpoints and, of a [Replacer], replacements.
//
// Run it with -race. The suite itself leaves no goroutine behind, so that goleak in TestMain finds those of the source.
package sourcetest
