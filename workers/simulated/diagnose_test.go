package simulated

import (
	"testing"

	"trackerfleet/workers/source"
)

func TestDiagnoseHasNothingToCheckButAnOutage(t *testing.T) {
	s := mustNew(t, Config{})
	if found := s.Diagnose(t.Context()); len(found) != 1 || source.Worst(found) != source.OK {
		t.Errorf("found %+v", found)
	}
	s.SetOutage(true)
	if found := s.Diagnose(t.Context()); source.Worst(found) != source.Faulty {
		t.Errorf("in an outage found %+v", found)
	}
}
