package httppoll

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/source"
)

// diagnosed has a source that does not run diagnose a provider with a fault, and returns what it found, one finding a line.
func diagnosed(t *testing.T, cfg Config, fault func(http.ResponseWriter, *http.Request) bool) (found string, requests int64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.misbehave(fault)
		a.set("pay_1", "processing")
		if cfg.Transport == nil {
			cfg.Transport = direct{a}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var lines []string
		for _, f := range mustNew(t, cfg).Diagnose(ctx) {
			lines = append(lines, fmt.Sprintf("%s %s: %s", f.Severity, f.Subject, f.Message))
			if f.Severity != source.OK && f.Remedy == "" && !strings.Contains(f.Message, "was not asked") {
				t.Errorf("nothing is said to do about %q", f.Message)
			}
			if strings.Contains(f.Message+f.Remedy+f.Subject, canary) {
				t.Errorf("a secret is told: %+v", f)
			}
		}
		found, requests = strings.Join(lines, "\n"), a.requests.Load()
	})
	return found, requests
}

func slowly(w http.ResponseWriter, r *http.Request) bool {
	takes(4 * time.Second)
	return answers(http.StatusNotFound)(w, r)
}

func TestDiagnoseSaysWhatAnAccountAnswers(t *testing.T) {
	const at = "https://api.psp.test: "
	post, wrongKey, list := usual(), usual(), listed()
	post.Method = http.MethodPost
	wrongKey.Headers = map[string]string{"Authorization": "Bearer wrong-" + canary}
	clear := usual()
	clear.URL, clear.AllowHTTP = "http://api.psp.test/v1/payments/{id}", true
	for _, tt := range []struct {
		name  string
		cfg   Config
		fault func(http.ResponseWriter, *http.Request) bool
		want  string
	}{
		{"well", usual(), nil, "ok " + at + "answers after 1ms; it does not know a made-up payment, as it should"},
		{"a list", list, nil, "ok " + at + "answers with a list of 1 after 1ms"},
		{"credentials", wrongKey, nil, "fault " + at + "the credentials are refused: 401 Unauthorized after 1ms"},
		{"forbidden", usual(), answers(http.StatusForbidden), "fault " + at + "the credentials are refused: 403 Forbidden after 1ms"},
		{"a rate", usual(), answers(http.StatusTooManyRequests), "warning " + at + "the provider asks to wait: 429 Too Many Requests after 1ms"},
		{
			"another host", usual(), answers(http.StatusFound, "Location", "https://login.test/?next="+canary),
			"fault " + at + "redirects to https://login.test, which is not followed",
		},
		{"a login page", usual(), says("<html>"), "fault " + at + "the answer is not JSON: another page than the API's, as a login or a proxy has it"},
		{"no status", usual(), says(`{"payment":{}}`), "warning " + at + "answers 2xx for a made-up payment, and not in a way that is understood: status: "},
		{"knows everything", usual(), says(`{"status":"processing"}`), "warning " + at + "knows a status of a made-up payment after 1ms"},
		{"no such list", list, answers(http.StatusNotFound), "fault " + at + "answers 404 Not Found: there is no such list"},
		{"no list", list, says(`{"payments":[]}`), "fault " + at + "the list cannot be understood: list.items: "},
		{"other statuses", list, says(`{"data":[{"id":"a","status":"odd"}]}`), "ok " + at + "answers with a list of 1 after 1ms\nwarning " + at + "statuses that are not in the map: odd"},
		{"a bad request", usual(), answers(http.StatusBadRequest), "warning " + at + "the provider answers 400 Bad Request for a made-up payment after 1ms"},
		{"broken", usual(), answers(http.StatusInternalServerError), "fault " + at + "the provider answers 500 Internal Server Error after 1ms"},
		{"silent", usual(), hangs, "fault " + at + "cannot be asked: no answer within 10s"},
		{"resets", usual(), resets, "fault " + at + "cannot be asked: connection reset while *** was sent"},
		{"slow", usual(), slowly, "ok " + at + "answers after 4s; it does not know a made-up payment, as it should\nwarning " + at + "is slow: 4s of the 10s that an answer may take"},
		{
			"no TLS", clear, nil, "warning http://api.psp.test: has no TLS: whoever is on the way can read the credentials and change the answers\n" +
				"ok http://api.psp.test: answers after 1ms; it does not know a made-up payment, as it should",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, n := diagnosed(t, tt.cfg, tt.fault); !strings.HasPrefix(got, tt.want) || n != 1 {
				t.Errorf("after %d requests found\n%s\nwant\n%s", n, got, tt.want)
			}
		})
	}
	if got, n := diagnosed(t, post, nil); n != 0 || got != "warning "+at+"was not asked: a POST may do something there" {
		t.Errorf("after %d requests found %s", n, got)
	}
}

// TestDiagnoseOfAPrivateAddressSaysWhatAllowsIt dials for real, and is refused before it does.
func TestDiagnoseOfAPrivateAddressSaysWhatAllowsIt(t *testing.T) {
	cfg := usual()
	cfg.URL, cfg.AllowHTTP = "http://localhost:1/v1/{id}", true
	found := mustNew(t, cfg).Diagnose(t.Context())
	last := found[len(found)-1]
	if last.Severity != source.Faulty || !strings.Contains(last.Message, errPrivate.Error()) || !strings.Contains(last.Remedy, "allow_private: true") {
		t.Errorf("found %+v", found)
	}
}
