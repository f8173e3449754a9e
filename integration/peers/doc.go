// Package peers measures supervision and registry beside what others would take for the work, doing the same work in one run: goroutines
// with channels for mailboxes in a map, suture and protoactor-go. It is a module of its own, so that what they need is no
// requirement of the fleet's. The README here says how to run it and what it printed.
package peers
