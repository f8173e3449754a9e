package bus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// refusalLasts is how long a refused permission counts as still missing. Whatever a worker needs it tries again within that time,
// so that it hears of a permission that is missing before it forgets.
const refusalLasts = 6 * time.Second

// refusalLoud is how often the same refusal is worth a line in the log.
const refusalLoud = 5 * time.Second

// refusalKinds bounds what is remembered of refused permissions.
const refusalKinds = 64

// Refusals remembers what a server refuses and no call is told of: connections, and messages and subscriptions for want of a
// permission, of which the one who sent them hears no more than silence. The zero value remembers nothing yet. Its methods may be
// called from any goroutine.
type Refusals struct {
	mu          sync.Mutex
	connection  error
	connectedAt time.Time // when the log was last told of connection
	permissions map[string]*Refusal
}

// Refusal is a permission that is missing.
type Refusal struct {
	Subscribe bool   // to Subject; else to publish to it
	Subject   string // the newest of its kind
	Times     uint64 // that one of its kind was refused
	At        time.Time

	told time.Time
}

// String returns what may not be done.
func (r Refusal) String() string {
	if r.Subscribe {
		return "subscribe to " + r.Subject
	}
	return "publish to " + r.Subject
}

// Needed reports whether a worker can't do its work without. It can without the subjects that services are discovered by, and an
// answer to an inbox is no need of its own: whoever asks names the inbox, and may name one that nobody may publish to.
func (r Refusal) Needed() bool {
	return !strings.HasPrefix(r.Subject, "$SRV.") && (r.Subscribe || !strings.HasPrefix(r.Subject, "_INBOX"))
}

var refused = regexp.MustCompile(`Violation for (Publish|Subscription) to "([^"]+)"`)

// Permission notes err, which a connection's error handler was given, if it says that a permission is missing, and reports whether
// it does. news says that it is worth a line in the log: it is the first of its kind for a while.
func (r *Refusals) Permission(err error, now time.Time) (refusal Refusal, news, ok bool) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return refusal, false, false
	}
	what := refused.FindStringSubmatch(err.Error())
	if what == nil {
		return refusal, false, false
	}
	refusal = Refusal{Subscribe: what[1] == "Subscription", Subject: what[2], Times: 1, At: now}
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := what[1] + " " + subjectKind(refusal.Subject)
	before, known := r.permissions[kind]
	if known {
		refusal.Times, refusal.told = before.Times+1, before.told
	}
	if news = now.Sub(refusal.told) >= refusalLoud; news {
		refusal.told = now
	}
	if !known {
		r.makeRoomLocked(now)
	}
	r.permissions[kind] = &refusal
	return refusal, news, true
}

// makeRoomLocked forgets what is over, and if that is not enough everything: what lasts is soon heard of again.
func (r *Refusals) makeRoomLocked(now time.Time) {
	maps.DeleteFunc(r.permissions, func(_ string, p *Refusal) bool { return now.Sub(p.At) >= refusalLasts })
	if r.permissions == nil || len(r.permissions) >= refusalKinds {
		r.permissions = make(map[string]*Refusal)
	}
}

// subjectKind returns the part of a subject that says what it is for, without IDs.
func subjectKind(subject string) string {
	tokens := strings.Split(subject, ".")
	n := 2
	switch {
	case tokens[0] == "$JS":
		n = 4
	case strings.HasPrefix(subject, "tracker.fleet."):
		n = 3
	}
	return strings.Join(tokens[:min(n, len(tokens))], ".")
}

// Refused reports whether err says that a server, or its certificate, was there and that it came to no agreement with it: not to be
// mended by waiting, as a server that is down is.
func Refused(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		header      tls.RecordHeaderError
		op          *net.OpError
	)
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired):
		return true
	case errors.As(err, &certificate), errors.As(err, &header):
		return true
	}
	return errors.As(err, &op) && op.Op == "remote error" // what the other side of TLS does not like
}

// Connection notes why a connection did not come about or was ended, and reports whether it is worth a line in the log.
func (r *Refusals) Connection(err error, now time.Time) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	news = r.connection == nil || !strings.EqualFold(r.connection.Error(), err.Error()) || now.Sub(r.connectedAt) >= refusalLoud
	if r.connection = err; news {
		r.connectedAt = now
	}
	return news
}

// Missing returns an error that names every permission that is needed and was refused lately, nil when none is missing.
func (r *Refusals) Missing(now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var missing []string
	for _, p := range r.permissions {
		if p.Needed() && now.Sub(p.At) < refusalLasts {
			missing = append(missing, p.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("%w: may not %s", ErrPermission, strings.Join(missing, ", may not "))
}

// Lacks reports whether publishing to subjects of that kind was refused lately.
func (r *Refusals) Lacks(subject string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.permissions["Publish "+subjectKind(subject)]
	return known && now.Sub(p.At) < refusalLasts
}

// Unconnected returns why there is no connection, as far as that was noted.
func (r *Refusals) Unconnected() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.connection
}
