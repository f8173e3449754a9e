package sourcetest

import (
	"strings"

	"trackerfleet/workers/source"
)

// diagnosisTold checks sources that can diagnose themselves: while they run, in an outage and when they do not run.
func diagnosisTold(r *rig, setOutage func(on bool)) {
	d, ok := r.src.(source.Diagnoser)
	if !ok {
		return
	}
	r.diagnose(d)
	setOutage(true)
	if found := r.diagnose(d); source.Worst(found) != source.Faulty {
		r.Errorf("in an outage it finds no fault: %+v", found)
	}
	setOutage(false)
	r.stop()
	if found := r.diagnose(d); source.Worst(found) == source.Faulty {
		r.Errorf("of what is well it finds a fault: %+v", found)
	}
}

// diagnose returns what a source finds, which must be something, in lines that can be shown.
func (r *rig) diagnose(d source.Diagnoser) []source.Finding {
	r.Helper()
	found := d.Diagnose(r.Context())
	if len(found) == 0 {
		r.Error("it finds nothing, not even that all is well")
	}
	for _, f := range found {
		if f.Message == "" || strings.Contains(f.Subject+f.Message+f.Remedy, "\n") || f.Severity > source.Faulty {
			r.Errorf("found %+v", f)
		}
	}
	return found
}
