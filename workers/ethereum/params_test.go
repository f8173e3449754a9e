package ethereum_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/source"
)

const aHash = "0x88df016429689c079f3b2f6ad39fa052532c56795b733da78a91ebe6a713944b"

func newSource(t testing.TB, cfg ethereum.Config) *ethereum.Source {
	t.Helper()
	s, err := ethereum.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParsePolicy(t *testing.T) {
	s := newSource(t, ethereum.Config{})
	defaults := source.Policy{Confirmations: 12, DropAfter: 64, DropMinAge: 30 * time.Minute, MissingChecks: 3}
	with := func(change func(*source.Policy)) source.Policy {
		p := defaults
		change(&p)
		return p
	}
	for params, want := range map[string]source.Policy{
		``:                                 defaults,
		`null`:                             defaults,
		`{}`:                               defaults,
		`{"finality":"safe"}`:              with(func(p *source.Policy) { p.Finality = source.Safe }),
		`{"finality":"finalized"}`:         with(func(p *source.Policy) { p.Finality = source.Finalized }),
		`{"finality":{"confirmations":1}}`: with(func(p *source.Policy) { p.Confirmations = 1 }),
		`{"progress":"every"}`:             with(func(p *source.Policy) { p.Progress.Every = true }),
		`{"progress":"none"}`:              with(func(p *source.Policy) { p.Progress.None = true }),
		`{"progress":[1,3,12]}`:            with(func(p *source.Policy) { p.Progress.At = []uint64{1, 3, 12} }),
		`{"drop_after":0,"drop_min_age":"0s","from_block":5}`: with(func(p *source.Policy) { p.DropAfter, p.DropMinAge = 0, 0 }),
		`{"chain":"eip155:1","from":"0x71562b71999873DB5b286dF957af199Ec94617F7","nonce":"18446744073709551614",` +
			`"to":"0x71562b71999873db5b286df957af199ec94617f7","value":"115792089237316195423570985008687907853269984665640564039457584007913129639935",` +
			`"data_hash":"` + aHash + `","revert_reason":"call"}`: defaults,
	} {
		target, err := s.Parse(aHash, json.RawMessage(params))
		if err != nil {
			t.Errorf("%s: %v", params, err)
			continue
		}
		if got := fmt.Sprintf("%+v", *target.Policy); got != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: %s, want %+v", params, got, want)
		}
		again, err := s.Parse(aHash, json.RawMessage(params))
		if err != nil || again.Policy != target.Policy {
			t.Errorf("%s: the same policy is not shared (%v)", params, err)
		}
	}
}

// Everything that is wrong is told at once.
func TestParseTellsAllFaults(t *testing.T) {
	s := newSource(t, ethereum.Config{})
	for _, test := range []struct {
		id, params string
		fields     []string
	}{
		{"txn_1", ``, []string{"params.hash"}},
		{"txn_1", `{"hash":"0x12"}`, []string{"params.hash"}},
		{aHash, `{"hash":7}`, []string{"params.hash"}},
		{aHash, `{"hash":null}`, []string{"params.hash"}},
		{"0X" + aHash[2:], ``, []string{"params.hash"}},
		{aHash, `[]`, []string{"params"}},
		{aHash, `{`, []string{"params"}},
		{aHash, `{} {}`, []string{"params"}},
		{aHash, "{\"hash\":\"\xff\"}", []string{"params"}},
		{aHash, strings.Repeat(`{"a":`, 100_000), []string{"params"}},
		{aHash, `{"from":"0x71562b71999873db5b286df957af199ec94617f7"}`, []string{"params.nonce"}},
		{aHash, `{"nonce":"1"}`, []string{"params.from"}},
		{aHash, `{"hash":"` + aHash + `","hash":"` + aHash + `"}`, []string{"params.hash"}},
		{aHash, `{"Hash":1,"nope\n":2}`, []string{"params.Hash", `params.nope\n`}},
		{
			"txn_1",
			`{"hash":"x","chain":"eip155:5","from":"0x1","nonce":7,"to":"z","value":"1.5","data_hash":"0x","finality":"soon","progress":[3,2],` +
				`"drop_after":-1,"drop_min_age":"-1m","from_block":"5","revert_reason":"yes","extra":{}}`,
			[]string{
				"params.extra", "params.hash", "params.chain", "params.from", "params.nonce", "params.to", "params.value", "params.data_hash",
				"params.finality", "params.progress", "params.drop_after", "params.drop_min_age", "params.from_block", "params.revert_reason",
			},
		},
	} {
		_, err := s.Parse(test.id, json.RawMessage(test.params))
		var faults *source.ParamsError
		if !errors.As(err, &faults) {
			t.Errorf("%.80s: %v, want a ParamsError", test.params, err)
			continue
		}
		var got []string
		for _, f := range faults.Faults {
			got = append(got, f.Field)
		}
		if !slices.Equal(got, test.fields) {
			t.Errorf("%.80s: faults of %v, want %v", test.params, got, test.fields)
		}
	}
}

func TestParseValues(t *testing.T) {
	s := newSource(t, ethereum.Config{})
	for field, values := range map[string][]string{
		"nonce":         {`""`, `"-1"`, `"+1"`, `"01"`, `"0x1"`, `"1_0"`, `"18446744073709551615"`, `"1e3"`, `null`, `7`},
		"value":         {`""`, `"-1"`, `"00"`, `"1e18"`, `"115792089237316195423570985008687907853269984665640564039457584007913129639936"`, `1`},
		"finality":      {`{}`, `{"confirmations":0}`, `{"confirmations":-1}`, `{"confirmations":"1"}`, `{"confirmations":1.5}`, `{"confirmations":1,"x":1}`, `{"confirmations":1,"confirmations":2}`, `null`, `""`, `12`, `{"confirmations":18446744073709551615}`},
		"progress":      {`[]`, `[0]`, `[1,1]`, `["need"]`, `{}`, `""`, `null`, `[null]`, `[1.5]`, `[-1]`, `[` + strings.Repeat("1,", 99) + `1]`},
		"drop_after":    {`"64"`, `1.5`, `-1`, `1e3`, `null`, `18446744073709551615`},
		"drop_min_age":  {`1800`, `"1800"`, `"-1s"`, `"soon"`, `null`},
		"chain":         {`1`, `"1"`, `"eip155:01"`, `null`},
		"revert_reason": {`true`, `"on"`, `null`},
	} {
		for _, value := range values {
			_, err := s.Parse(aHash, json.RawMessage(fmt.Sprintf(`{"from":"0x71562b71999873db5b286df957af199ec94617f7","nonce":"1",%q:%s}`, field, value)))
			if field == "nonce" {
				_, err = s.Parse(aHash, json.RawMessage(fmt.Sprintf(`{"from":"0x71562b71999873db5b286df957af199ec94617f7","nonce":%s}`, value)))
			}
			var faults *source.ParamsError
			if !errors.As(err, &faults) || len(faults.Faults) != 1 || !strings.HasPrefix(faults.Faults[0].Field, "params."+field) {
				t.Errorf("%s %s: %v, want one fault of it", field, value, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"hash":"` + aHash + `","finality":{"confirmations":3},"progress":[1,2]}`, `{"a":{"b":[`, "null", "{\"\\u0000\":1}"} {
		f.Add(aHash, []byte(seed))
	}
	s := newSource(f, ethereum.Config{})
	f.Fuzz(func(t *testing.T, id string, params []byte) {
		target, err := s.Parse(id, params)
		var faults *source.ParamsError
		switch {
		case err == nil && (target.Policy == nil || target.Ref == nil || target.Policy.Confirmations == 0):
			t.Errorf("accepted without a policy: %+v", target)
		case err != nil && (!errors.As(err, &faults) || len(faults.Faults) == 0):
			t.Errorf("refused without a fault: %v", err)
		}
		if faults == nil {
			return
		}
		for _, fault := range faults.Faults {
			if !strings.HasPrefix(fault.Field, "params") || fault.Message == "" || len(fault.Field) > 600 {
				t.Errorf("fault %+v", fault)
			}
		}
	})
}

func TestConfigFaults(t *testing.T) {
	_, err := ethereum.New(ethereum.Config{
		Chain: "mainnet", Endpoints: []ethereum.Endpoint{{URL: "node/key123"}, {URL: "http://h", WS: "http://h/key123", Rate: -1}},
		Poll: -1, BatchSize: -1, Window: -1, Timeout: -1, SweepAfter: -1, MissingChecks: -1,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{
		"Chain", "Endpoints[0].URL", "Endpoints[1].WS", "Endpoints[1].Rate", "Poll", "BatchSize", "Window", "Timeout", "SweepAfter", "MissingChecks",
	} {
		if !strings.Contains(err.Error(), "ethereum: "+field+":") {
			t.Errorf("no fault of %s in %q", field, err)
		}
	}
	if strings.Contains(err.Error(), "key123") {
		t.Errorf("a secret in %q", err)
	}
}
