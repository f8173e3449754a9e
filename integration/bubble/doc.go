// Package bubble holds the fleet's randomized fault tests on a clock of their own: a real nats-server on a real store and
// workers as they are, all inside a testing/synctest bubble, where waiting takes no time. Each run draws its faults from a
// seed, and the independent checker judges what lies in the stream afterwards.
//
// A seed fixes which fault strikes whom, when and for how long, and what the clients ask for; how goroutines interleave stays
// Go's choice, so that a seed that failed once may need a few tries.
//
//	go test ./integration/bubble -run Storms -v -timeout 30m -fleet.seeds=1000 -fleet.processes=2
//	go test ./integration/bubble -run Storms -fleet.seed=17
//
// Beside the storms stand mutants: fleets that are wrong in one way, each next to its twin that is not. What a mutant does is
// caught by the checker, or by the test that it runs in; a mutation is made on the wire, in what a worker sees of its source, in
// the settings of its connections, or by a forger that plays a worker.
package bubble
