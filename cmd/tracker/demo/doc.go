// Package demo runs a small fleet through its main job and then checks, from outside, that it kept its promises.
//
// A [Plan] is drawn from a seed: which transactions, in which order, by which door, which of them twice, and whose trackers
// crash. A [Rehearsal] carries it out against a real fleet. [Audit] is pure: it holds what the stream of events says against
// the plan and against the truth of the simulated chain, and shares no code with the workers.
package demo
