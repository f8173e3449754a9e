package httppoll

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"trackerfleet/workers/source"
)

func TestParamsFillTheTemplateAndNothingElse(t *testing.T) {
	cfg := usual()
	cfg.URL = "https://api.psp.test/v1/{account}/payments/{id}?ref={id}&tx={transaction_id}"
	s := mustNew(t, cfg)
	for _, c := range []struct{ id, params, want string }{
		{"txn_1", `{"account":"a","id":"pay_1"}`, "https://api.psp.test/v1/a/payments/pay_1?ref=pay_1&tx=txn_1"},
		{"a/b c", `{"id":"ü/?#&=+%2F","account":"..x"}`, "https://api.psp.test/v1/..x/payments/%C3%BC%2F%3F%23&=+%252F?ref=%C3%BC%2F%3F%23%26%3D%2B%252F&tx=a%2Fb+c"},
		{"txn_1", `{"account":"a","id":"https://evil.test/"}`, "https://api.psp.test/v1/a/payments/https:%2F%2Fevil.test%2F?ref=https%3A%2F%2Fevil.test%2F&tx=txn_1"},
	} {
		target, err := s.Parse(c.id, json.RawMessage(c.params))
		if err != nil {
			t.Errorf("%s: %v", c.params, err)
			continue
		}
		if got := s.template.fill(target.Ref.(ref).values); got != c.want {
			t.Errorf("%s: asks\n%s, want\n%s", c.params, got, c.want)
		}
		if target.Policy.MissingChecks != 3 || target.Policy.DropAge == 0 {
			t.Errorf("policy %+v", target.Policy)
		}
	}
}

func TestEveryFaultOfParamsIsToldByField(t *testing.T) {
	cfg := usual()
	cfg.URL = "https://api.psp.test/v1/{account}/{id}"
	s := mustNew(t, cfg)
	for params, want := range map[string]string{
		``: "params.account params.id", `null`: "params.account params.id", `{}`: "params.account params.id", `[]`: "params", `{`: "params",
		`{"id":"a"}`: "params.account", `{"id":7,"account":"a"}`: "params.id", `{"id":"","account":"a"}`: "params.id",
		`{"id":null,"account":"a"}`: "params.id", `{"id":"a","id":"b","account":"a"}`: "params.id",
		`{"id":"a","account":"a","url":"https://evil.test"}`: "params.url", `{"id":"a","account":"a","transaction_id":"x"}`: "params.transaction_id",
		`{"id":"..","account":"."}`: "params.account params.id", `{"id":"a/../b","account":"\\..\\"}`: "params.account params.id",
		`{"id":"a\u0000b","account":"a\nb"}`: "params.account params.id", `{"id":"` + strings.Repeat("x", 257) + `","account":"a"}`: "params.id",
	} {
		_, err := s.Parse("txn_1", json.RawMessage(params))
		var faulty *source.ParamsError
		if !errors.As(err, &faulty) {
			t.Errorf("%s: %v", params, err)
			continue
		}
		var got []string
		for _, f := range faulty.Faults {
			got = append(got, f.Field)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want faults of %s", params, err, want)
		}
	}
}

func TestAListIsFoundByTheIDOfTheItem(t *testing.T) {
	cfg := listed()
	cfg.URL = "https://api.psp.test/{account}"
	s := mustNew(t, cfg)
	target, err := s.Parse("txn_1", json.RawMessage(`{"account":"a","id":"pay_1"}`))
	if err != nil || target.Ref != (ref{values: "a", item: "pay_1"}) {
		t.Errorf("%+v, %v", target.Ref, err)
	}
	if _, err := s.Parse("txn_1", json.RawMessage(`{"account":"a"}`)); err == nil {
		t.Error("an item without an id")
	}
}

// Whatever the template and the params are, requests go to the operator's host and below the part of the path in front of the
// first variable.
func FuzzTemplate(f *testing.F) {
	f.Add("https://api.psp.test/v1/payments/{id}", "pay_1")
	f.Add("https://api.psp.test/v1/{id}/x?y={id}", "../../etc")
	f.Add("https://api.psp.test{id}", "@evil.test/")
	f.Add("https://api.psp.test/{id}?{id", "\\..\\")
	f.Add("https://{id}/", "evil.test")
	f.Fuzz(func(t *testing.T, text, value string) {
		cfg := usual()
		cfg.URL = text
		s, err := New(cfg)
		if err != nil {
			return
		}
		given := map[string]string{}
		for _, name := range s.wanted() {
			given[name] = value
		}
		params, err := json.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		target, err := s.Parse("txn_1", params)
		if err != nil {
			return
		}
		filled, err := url.Parse(s.template.fill(target.Ref.(ref).values))
		if err != nil {
			t.Fatalf("%q with %q: %v", text, value, err)
		}
		example, err := s.template.example()
		if err != nil {
			t.Fatal(err)
		}
		if filled.Scheme != example.Scheme || filled.Host != example.Host || filled.User != nil || filled.Fragment != "" {
			t.Fatalf("%q with %q asks %s", text, value, filled)
		}
		prefix, _, _ := strings.Cut(strings.TrimPrefix(text, example.Scheme+"://"+example.Host), "{")
		if got := strings.Count(filled.EscapedPath(), "/"); got != strings.Count(example.EscapedPath(), "/") && !strings.Contains(prefix, "?") {
			t.Fatalf("%q with %q has another path: %s", text, value, filled)
		}
	})
}

// Whatever the provider answers is understood or not; nothing panics, and only words of the map mean anything.
func FuzzReading(f *testing.F) {
	for _, body := range []string{
		`{"status":"succeeded"}`, `{"status":1e400}`, `{"status":12345678901234567890}`, `[]`, `{"status":{"status":"failed"}}`, "\xff", `{"status":"` + canary + `"}`,
	} {
		f.Add(200, []byte(body), "body.status")
	}
	f.Add(200, []byte(`{"a":[{"status":"failed"}]}`), `body.a[0].status`)
	f.Add(200, []byte(`[1,2]`), `map(body, map(1..100000, # * 2))`)
	f.Fuzz(func(t *testing.T, code int, body []byte, expression string) {
		cfg := usual()
		cfg.Status = expression
		s, err := New(cfg)
		if err != nil {
			return
		}
		r := s.read(answer{code: code, body: body}, s.born)
		switch {
		case (r.outcome == useful) != (r.err == nil):
			t.Fatalf("%d %q: outcome %d with %v", code, body, r.outcome, r.err)
		case r.one.meaning.final() && s.meanings[r.one.status] != r.one.meaning && code != 410:
			t.Fatalf("%d %q ends as %+v", code, body, r.one)
		case len(r.one.status) > maxWord+len("…"):
			t.Fatalf("a status of %d bytes", len(r.one.status))
		}
	})
}
