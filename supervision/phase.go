package supervision

// Phase is where a child is in its life.
type Phase uint8

const (
	// Starting: Init runs, for the first time or again.
	Starting Phase = iota
	// Running: it serves, or waits hibernated.
	Running
	// BackingOff: it waits for its restart.
	BackingOff
	// Parked: it crashed too often and waits for Resume.
	Parked
	// Stopping: it was told to end for good.
	Stopping
	// Stopped: it has ended for good and its ID is free.
	Stopped

	phaseCount = int(Stopped) + 1
)

func (p Phase) String() string {
	switch p {
	case Starting:
		return "starting"
	case Running:
		return "running"
	case BackingOff:
		return "backoff"
	case Parked:
		return "parked"
	case Stopping:
		return "stopping"
	case Stopped:
		return "stopped"
	}
	return "unknown"
}
