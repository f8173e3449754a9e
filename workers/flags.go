package workers

// flags is what is true of a cell: a set in one byte, so whoever changes one of them holds the lock of them all.
type flags uint8

const (
	starting flags = 1 << iota // its child is being started; who does that retires it, should it have ended by then
	woken                      // a wake is in the mailbox
	unasked                    // the source was not asked yet to wake the tracker as the committed record wants
	ended                      // decides nothing any more: the run has finished or the partition is not owned here
	stepping                   // waits for the worker to step alone
	aside                      // parked: holds its partition's checkpoint back, and nobody else's
)

func (s flags) has(one flags) bool { return s&one != 0 }

func (s *flags) set(one flags, to bool) {
	if to {
		*s |= one
	} else {
		*s &^= one
	}
}
