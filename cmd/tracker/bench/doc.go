// Package bench measures what a worker can do: starts, memory, lookups, restarts and ends, each beside what the machine itself can do
// in the same run.
//
// The worker is a process of its own, so that its memory is its own too; this process asks, and has the NATS server if nobody else
// has. Every figure is of one worker that owns all partitions of an empty fleet.
package bench
