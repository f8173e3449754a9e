package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

func violation(format string, args ...any) error {
	return fmt.Errorf("%w: Permissions Violation for "+format, append([]any{nats.ErrPermissionViolation}, args...)...)
}

func TestRefusalsNameWhatIsMissingWhileItLasts(t *testing.T) {
	var r Refusals
	now := time.Now()
	for i := range 1000 {
		_, news, ok := r.Permission(violation(`Publish to "tracker.events.txn_%d.started.1"`, i), now)
		if !ok || news != (i == 0) {
			t.Fatalf("refusal %d: noted %v, news %v", i, ok, news)
		}
	}
	r.Permission(violation(`Subscription to "tracker.lookup" using queue "q" (sid "7")`), now.Add(time.Second))
	err := r.Missing(now.Add(time.Second))
	if !errors.Is(err, ErrPermission) {
		t.Fatalf("missing is %v", err)
	}
	for _, want := range []string{"publish to tracker.events.txn_999.started.1", "subscribe to tracker.lookup"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if err := r.Missing(now.Add(refusalLasts)); err == nil || strings.Contains(err.Error(), "events") {
		t.Errorf("when the first is over, missing is %v", err)
	}
	if err := r.Missing(now.Add(refusalLasts + time.Second)); err != nil {
		t.Errorf("when all is over, missing is %v", err)
	}
	if refusal, news, _ := r.Permission(violation(`Publish to "tracker.events.a.started.1"`), now.Add(refusalLoud)); !news || refusal.Times != 1001 {
		t.Errorf("after a while: news %v, %d times", news, refusal.Times)
	}
}

// TestRefusalsOfOthersMakingAreNotMissed: whoever asks names the inbox, and could make any worker unready.
func TestRefusalsOfOthersMakingAreNotMissed(t *testing.T) {
	var r Refusals
	for _, err := range []error{
		violation(`Publish to "_INBOX_stranger.a"`), violation(`Subscription to "$SRV.PING"`), nats.ErrSlowConsumer, nats.ErrPermissionViolation,
	} {
		r.Permission(err, time.Now())
	}
	if err := r.Missing(time.Now()); err != nil {
		t.Errorf("missing is %v", err)
	}
	for i := range 10 * refusalKinds {
		r.Permission(violation(`Publish to "subject%d.a"`, i), time.Now())
	}
	if len(r.permissions) > refusalKinds {
		t.Errorf("%d kinds are remembered", len(r.permissions))
	}
}

func TestRefusedIsNotWhatIsOnlyDown(t *testing.T) {
	for err, want := range map[error]bool{
		nats.ErrAuthorization: true,
		nats.ErrAuthExpired:   true,
		&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}:      true,
		&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}: true,
		&net.OpError{Op: "dial", Err: errors.New("refused")}:                      false,
		nats.ErrNoServers: false,
		nats.ErrTimeout:   false,
	} {
		if got := Refused(fmt.Errorf("connect: %w", err)); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
	var r Refusals
	now := time.Now()
	for i, want := range []bool{true, false, false} {
		if got := r.Connection(nats.ErrAuthorization, now.Add(time.Duration(i)*time.Second)); got != want {
			t.Errorf("time %d: news %v", i, got)
		}
	}
	if !r.Connection(nats.ErrAuthExpired, now) || !r.Connection(nats.ErrAuthExpired, now.Add(refusalLoud)) {
		t.Error("another reason, or the same after a while, is no news")
	}
	if r.Unconnected() != nats.ErrAuthExpired {
		t.Errorf("the reason is %v", r.Unconnected())
	}
}

// TestPaceSlowsDownWhileRefused: a server that refuses is not asked again and again, and one that is down is.
func TestPaceSlowsDownWhileRefused(t *testing.T) {
	var p pace
	quick := func() bool { return p.pause(1) <= reconnectWait+reconnectJitter }
	if !quick() {
		t.Error("the first pause is long")
	}
	if p.failed(nats.ErrAuthorization); quick() {
		t.Error("a refused connection is tried at once")
	}
	if p.failed(&net.OpError{Op: "dial", Err: errors.New("refused")}); !quick() {
		t.Error("a server that is down is waited for")
	}
	p.failed(nats.ErrAuthorization)
	if p.connected(); !quick() {
		t.Error("the pause is long after a connection")
	}
}
