package polled

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// provider lets the conformance suite control an outside.
type provider struct {
	*outside
	made int
}

func (p *provider) NewSource(t testing.TB) source.Source {
	s, err := New(Config{Ask: p.ask, Poll: 5 * time.Millisecond, Gap: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *provider) NewTransaction(testing.TB) sourcetest.Transaction {
	p.made++
	return sourcetest.Transaction{ID: fmt.Sprintf("row_%d", p.made)}
}

func (p *provider) Process(_ testing.TB, tx sourcetest.Transaction) {
	p.set(tx.ID, State{Status: "wait"})
}

func (p *provider) Settle(_ testing.TB, tx sourcetest.Transaction, end source.End) {
	p.set(tx.ID, State{End: end})
}

func (p *provider) SetOutage(_ testing.TB, on bool) {
	if on {
		p.fail(errors.New("outage"))
		return
	}
	p.fail(nil)
}

func (p *provider) Many() int { return 1000 }

func TestConformance(t *testing.T) {
	sourcetest.RunProvider(t, func(*testing.T) sourcetest.Provider { return &provider{outside: newOutside()} })
}

func TestNew_namesEveryFault(t *testing.T) {
	_, err := New(Config{Poll: -1, Batch: -1})
	for _, want := range []string{"Ask: is missing", "Poll: must not be negative", "Batch: must not be negative"} {
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestParse_saysWhatIsWrongWithTheParams(t *testing.T) {
	s, err := New(Config{Ask: newOutside().ask, Parse: func(_ string, params json.RawMessage) (string, error) {
		if len(params) == 0 {
			return "", errors.New("are missing")
		}
		return "", &source.ParamsError{Faults: []source.Fault{{Field: "params.row", Message: "is none"}}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for params, want := range map[string]source.Fault{"": {Field: "params", Message: "are missing"}, "{}": {Field: "params.row", Message: "is none"}} {
		_, err := s.Parse("a", json.RawMessage(params))
		var faults *source.ParamsError
		if !errors.As(err, &faults) || faults.Faults[0] != want {
			t.Errorf("Parse(%s): %v", params, err)
		}
	}
}
