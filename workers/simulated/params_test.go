package simulated

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trackerfleet/workers/source"
)

func mustNew(t testing.TB, c Config) *Source {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParsePolicy(t *testing.T) {
	plain := source.Policy{Confirmations: 6, DropAfter: 16, MissingChecks: 3}
	with := func(change func(*source.Policy)) source.Policy {
		p := plain
		change(&p)
		return p
	}
	for params, want := range map[string]source.Policy{
		"":                      plain,
		"null":                  plain,
		" {} ":                  plain,
		`{"confirmations":1}`:   with(func(p *source.Policy) { p.Confirmations = 1 }),
		`{"finality":"safe"}`:   with(func(p *source.Policy) { p.Finality = source.Safe }),
		`{"progress":"every"}`:  with(func(p *source.Policy) { p.Progress.Every = true }),
		`{"progress":[1,3,12]}`: with(func(p *source.Policy) { p.Progress.At = []uint64{1, 3, 12} }),
		`{"drop_after":0}`:      with(func(p *source.Policy) { p.DropAfter = 0 }),
		`{"drop_min_age":"30m","missing_checks":5,"drop_after":64}`: with(func(p *source.Policy) {
			p.DropMinAge, p.MissingChecks, p.DropAfter = 30*time.Minute, 5, 64
		}),
		`{"finality":{"confirmations":12},"outcome":"replace","replacement":"cancel","after":9,"at":1000}`: with(func(p *source.Policy) {
			p.Confirmations = 12
		}),
	} {
		target, err := mustNew(t, Lively(1)).Parse("txn_1", json.RawMessage(params))
		if err != nil {
			t.Errorf("Parse of %s: %v", params, err)
		} else if diff := cmp.Diff(want, *target.Policy); diff != "" {
			t.Errorf("Parse of %s (-want +got):\n%s", params, diff)
		}
	}
}

func TestParseNamesEveryFault(t *testing.T) {
	for params, want := range map[string][]string{
		`{"outcome":"win","after":0,"at":"1","confirmations":0,"nope":1,"drop_after":1,"drop_min_age":"soon","progress":[2,1]}`: {
			"params.outcome", "params.after", "params.at", "params.confirmations", "params.drop_after", "params.drop_min_age",
			"params.progress", "params.nope",
		},
		`{"after":1,"after":2}`:                      {"params.after"},
		`{"after":1e3,"at":-1,"confirmations":1.5}`:  {"params.after", "params.at", "params.confirmations"},
		`{"confirmations":3,"finality":"safe"}`:      {"params.finality"},
		`{"finality":{"confirmations":3,"x":1}}`:     {"params.finality"},
		`{"finality":"soon","replacement":"cancel"}`: {"params.finality", "params.replacement"},
		`{"outcome":"reorg"}`:                        {"params.outcome"},
		`{"progress":[]}`:                            {"params.progress"},
		`[]`:                                         {"params"},
		`{"after":`:                                  {"params"},
		`{} {}`:                                      {"params"},
		`{"` + strings.Repeat("x", 500) + `":1}`:     {"params." + strings.Repeat("x", maxFieldBytes)},
		`{"a":` + strings.Repeat("[", 20000) + `}`:   {"params"},
		`{"a":1` + strings.Repeat(`,"after":1`, 500) + `,"b":1}`: nil,
	} {
		_, err := mustNew(t, Config{}).Parse("txn_1", json.RawMessage(params))
		var faults *source.ParamsError
		if !errors.As(err, &faults) {
			t.Errorf("Parse of %.60s: %v, want a ParamsError", params, err)
			continue
		}
		var got []string
		for _, f := range faults.Faults {
			got = append(got, f.Field)
		}
		if len(got) > maxFaults {
			t.Errorf("Parse of %.60s: %d faults", params, len(got))
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); want != nil && diff != "" {
			t.Errorf("Parse of %.60s (-want +got):\n%s", params, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"outcome":"revert","after":3}`, `{"finality":{"confirmations":12}}`, `{"progress":[1,2]}`, `{"drop_min_age":"1h"}`,
		`{"at":18446744073709551615}`, `{"a":1,"a":2}`, "\xff", `{"x`,
	} {
		f.Add("txn_1", []byte(seed))
	}
	s := mustNew(f, Lively(1))
	f.Fuzz(func(t *testing.T, id string, params []byte) {
		target, err := s.Parse(id, params)
		var faults *source.ParamsError
		switch {
		case err == nil && (target.Policy == nil || target.Policy.Confirmations == 0):
			t.Fatalf("policy %+v", target.Policy)
		case err != nil && (!errors.As(err, &faults) || len(faults.Faults) == 0):
			t.Fatalf("error %v is not a ParamsError", err)
		}
		if _, truthErr := TruthOf(s.config, id, params); (err == nil) != (truthErr == nil) {
			t.Fatalf("Parse says %v, TruthOf says %v", err, truthErr)
		}
	})
}

// Starts that say the same share what they ask for; however many different ones there are, not all are kept.
func TestSpecsAreShared(t *testing.T) {
	s := mustNew(t, Config{})
	of := func(params string) *spec {
		target, err := s.Parse("txn", json.RawMessage(params))
		if err != nil {
			t.Fatal(err)
		}
		return target.Ref.(*transaction).spec
	}
	if a, b := of(`{"outcome":"pending"}`), of(`{"outcome":"pending"}`); a != b || a.outcome != pend {
		t.Errorf("specs %+v and %+v, want one", a, b)
	}
	for i := range 2 * maxSpecs {
		if got := of(fmt.Sprintf(`{"after":%d}`, i+1)); got.after != uint64(i+1) {
			t.Fatalf("after is %d, want %d", got.after, i+1)
		}
	}
	if n := len(s.specs.known); n != maxSpecs {
		t.Errorf("%d specs are kept, want %d", n, maxSpecs)
	}
}
