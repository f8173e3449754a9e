// Package sourcetest is the conformance suite of sources: what every [source.Source] does, whatever outside it follows.
//
// A package of a source implements [Harness] over an outside that it controls (a script, a fake server, a real node) and
// calls [Run]; one whose outside has no blocks implements [Provider] and calls [RunProvider]. The suite drives the outside step by step and checks what the source hands over, in order.
package sourcetest
