package httppoll

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"trackerfleet/workers/source"
)

var _ source.Diagnoser = (*Source)(nil)

// probeValue takes the place of each variable when an account is diagnosed: no provider knows such a payment.
const probeValue = "trackerfleet-doctor-0000"

// Diagnose asks the provider once, for a payment that does not exist or for the list, and says what came of it. It asks nothing where
// the method is POST, which may do something there.
func (s *Source) Diagnose(ctx context.Context) []source.Finding {
	var found []source.Finding
	say := func(severity source.Severity, message, remedy string) {
		found = append(found, source.Finding{Subject: s.name, Severity: severity, Message: message, Remedy: remedy})
	}
	if strings.HasPrefix(s.name, "http://") {
		say(source.Warning, "has no TLS: whoever is on the way can read the credentials and change the answers", "use https://, unless it is on this machine")
	}
	if s.cfg.Method != http.MethodGet && s.cfg.Method != http.MethodHead {
		say(source.Warning, "was not asked: a "+s.cfg.Method+" may do something there", "")
		return found
	}
	begun := time.Now()
	a := s.fetch(ctx, s.template.fill(probeValues(len(s.template.names))), "")
	took := time.Since(begun)
	r := s.read(a, time.Now())
	if a.code == 0 && a.err != nil {
		why := a.err.Error()
		if ctx.Err() != nil {
			why = "no answer in the time that there was"
		}
		say(source.Faulty, "cannot be asked: "+why, unreachableRemedy(a.err))
		return found
	}
	say(s.verdict(a, r, took))
	if len(r.unknown) > 0 && s.cfg.listed() {
		say(source.Warning, fmt.Sprintf("statuses that are not in the map: %s", strings.Join(r.unknown, ", ")), "add them to the map; until then: "+s.cfg.Unknown)
	}
	if took > max(s.cfg.Timeout/4, time.Second) {
		say(source.Warning, fmt.Sprintf("is slow: %v of the %v that an answer may take", took.Round(time.Millisecond), s.cfg.Timeout), "raise timeout")
	}
	return found
}

// probeValues fills a template of n variables.
func probeValues(n int) string {
	return strings.Join(slices.Repeat([]string{probeValue}, max(n, 1)), separator)
}

// verdict says what an answer to the probe means.
func (s *Source) verdict(a answer, r reading, took time.Duration) (severity source.Severity, message, remedy string) {
	after := fmt.Sprintf(" after %v", max(took.Round(time.Millisecond), time.Millisecond))
	switch code := a.code; {
	case r.outcome == refused:
		return source.Faulty, r.err.Error() + after, "see headers, bearer, user and password; a key may be of the other environment, test or live"
	case r.outcome == paced:
		return source.Warning, r.err.Error() + after, "see whether somebody else uses up the account's rate; rate makes this source slower"
	case code/100 == 3 && code != http.StatusNotModified:
		return source.Faulty, "redirects to " + s.target(a.header) + ", which is not followed", "put that address into url, if it is the provider's"
	case s.cfg.listed() && code/100 == 2 && r.err == nil:
		return source.OK, fmt.Sprintf("answers with a list of %d%s", len(r.items), after), ""
	case s.cfg.listed() && code/100 == 2 && r.outcome == useful:
		return source.Warning, "some items of the list cannot be understood: " + r.err.Error(), "see list.id and status"
	case s.cfg.listed() && code/100 == 2:
		return source.Faulty, "the list cannot be understood: " + r.err.Error(), "see url, list.items, list.id and status"
	case code == http.StatusNotFound && s.cfg.listed():
		return source.Faulty, "answers 404 Not Found: there is no such list", "see url"
	case code == http.StatusNotFound, code == http.StatusGone:
		return source.OK, "answers" + after + "; it does not know a made-up payment, as it should", ""
	case code/100 == 2 && errors.Is(r.err, errGarbage):
		return source.Faulty, r.err.Error() + ": another page than the API's, as a login or a proxy has it", "see url and the credentials"
	case code/100 == 2 && r.err != nil:
		return source.Warning, "answers 2xx for a made-up payment, and not in a way that is understood: " + r.err.Error(), "see status; what is not there should be 404"
	case code/100 == 2:
		return source.Warning, "knows a status of a made-up payment" + after, "what is not there should be 404: see url, or have the map say what that status means"
	case code/100 == 4:
		return source.Warning, r.err.Error() + " for a made-up payment" + after, "look one up that exists: if it says the same, see url and headers"
	}
	return source.Faulty, r.err.Error() + after, "ask the provider"
}

// target returns the host that a redirect leads to.
func (s *Source) target(h http.Header) string {
	u, err := url.Parse(h.Get("Location"))
	switch {
	case err != nil || h.Get("Location") == "":
		return "nowhere"
	case u.Host == "":
		return "another page of the same host, again and again"
	}
	return s.secrets.clean(u.Scheme+"://"+u.Host, maxText)
}

func unreachableRemedy(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, errPrivate):
		return "allow_private: true allows it, if that address is yours"
	case strings.Contains(text, "certificate"), strings.Contains(text, "tls:"):
		return "see the host in url and its certificate"
	case strings.Contains(text, "no such host"):
		return "see the host in url, and the name servers of this machine"
	}
	return "see the host and the port in url, and the firewalls between here and there"
}
