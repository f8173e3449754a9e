package httppoll

import (
	"fmt"

	"trackerfleet/workers/source"
)

// meaning is what an answer says of a transaction.
type meaning uint8

const (
	unclear meaning = iota // nothing
	pending
	absent
	confirmed // from here on ends
	failed
	stopped
	expired
	dropped
)

// ends are the settlements of meanings.
var ends = [...]source.End{
	confirmed: source.EndConfirmed, failed: source.EndFailed, stopped: source.EndStopped, expired: source.EndExpired, dropped: source.EndDropped,
}

// final reports whether m is an end.
func (m meaning) final() bool { return m >= confirmed }

// meanings maps the provider's statuses to what they mean.
type meanings map[string]meaning

// meanings adds what is wrong with the map to f.
func (c Config) meanings(f *faults) meanings {
	known := meanings{}
	ends := 0
	for _, list := range []struct {
		key  string
		of   meaning
		says []string
	}{
		{"pending", pending, c.Map.Pending},
		{"missing", absent, c.Map.Missing},
		{"confirmed", confirmed, c.Map.Confirmed},
		{"failed", failed, c.Map.Failed},
		{"stopped", stopped, c.Map.Stopped},
		{"expired", expired, c.Map.Expired},
		{"dropped", dropped, c.Map.Dropped},
	} {
		for _, status := range list.says {
			_, twice := known[status]
			f.want(!twice, "map."+list.key, "%q is in the map twice", status)
			f.want(status != "" && len(status) <= maxWord, "map."+list.key, "a status has 1 to %d bytes", maxWord)
			known[status] = list.of
		}
		if list.of.final() {
			ends += len(list.says)
		}
	}
	f.want(ends > 0, "map", "says of no status that it is the end; such as {confirmed: [succeeded], failed: [failed], pending: [processing]}")
	return known
}

// said is what an answer says of one transaction: what it means, in whose words, and why.
type said struct {
	meaning meaning
	status  string // as it may be shown; "": none
	reason  string
}

// saying returns what a status says. One that is not in the map says nothing, or that the transaction has failed.
func (s *Source) saying(status string) said {
	m, known := s.meanings[status]
	shown := s.secrets.clean(status, maxWord)
	if !known && s.cfg.Unknown == Fail {
		return said{failed, shown, fmt.Sprintf("the status %q is not in the map of the profile", shown)}
	}
	return said{meaning: m, status: shown}
}
