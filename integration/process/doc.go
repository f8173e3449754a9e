// Package process starts the fleet as its users do, as processes: the tracker binary and a real nats-server or a cluster of them, all built from
// this module; a TCP proxy between them that can misbehave, a network that loses packets, wall clocks that can be set, and a way to leave
// a process hardly any processor time. What it starts ends with the test that asked for it, also when
// the test binary itself is killed (on Linux).
//
// Every failure of a process shows in the test: a Go panic, a fatal error, or a data race that a process reports fails it, and a
// failed test prints the ends of its processes' logs.
package process
