// Package bench measures what a worker can do: starts, memory, lookups, restarts and ends, each beside what the machine itself can do
// in the same run; and how long it takes to come back when it, or the server, is killed.
//
// The worker is a process of its own, and so is the NATS server if nobody else has one, so that the memory of each is its own; this
// process asks. Every figure is of one worker that owns all partitions of an empty fleet.
package bench
