package tracker

import (
	"slices"

	"trackerfleet/bus"
)

// status is a bus.Status in one byte.
type status uint8

const (
	unseen status = iota
	pending
	confirming
	missing
	confirmed // from here on terminal
	failed
	replaced
	dropped
	expired
	stopped
)

var statuses = [...]bus.Status{
	bus.StatusUnseen, bus.StatusPending, bus.StatusConfirming, bus.StatusMissing, bus.StatusConfirmed,
	bus.StatusFailed, bus.StatusReplaced, bus.StatusDropped, bus.StatusExpired, bus.StatusStopped,
}

func (s status) word() bus.Status { return statuses[s] }
func (s status) terminal() bool   { return s >= confirmed }

// phase is a durable bus.Phase in one byte.
type phase uint8

const (
	running phase = iota
	parked
	finished
)

var phases = [...]bus.Phase{bus.PhaseRunning, bus.PhaseParked, bus.PhaseFinished}

func (p phase) word() bus.Phase { return phases[p] }

// restart is a restart policy in one byte.
type restart uint8

var restarts = [...]string{"transient", "permanent", "temporary"}

func (r restart) word() string { return restarts[r] }

// find returns the place of word in words; the empty word is the first.
func find[C ~uint8, W ~string](words []W, word W) (C, bool) {
	if word == "" {
		return 0, true
	}
	i := slices.Index(words, word)
	return C(max(0, i)), i >= 0
}
