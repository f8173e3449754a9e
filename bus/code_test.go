package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// The numbers are those of contract.md 5.
func TestCodesAreThoseOfTheContract(t *testing.T) {
	want := map[Code]int{
		"invalid": 400, "not_found": 404, "conflict": 409, "exists": 409, "crashed": 410, "too_large": 413, "overloaded": 429,
		"internal": 500, "unavailable": 503, "timeout": 504,
	}
	if len(Codes()) != len(want) {
		t.Errorf("%d codes, want %d", len(Codes()), len(want))
	}
	sentinels := map[error]bool{}
	for _, code := range Codes() {
		if code.Number() != want[code] {
			t.Errorf("%s is %d, want %d", code, code.Number(), want[code])
		}
		sentinel := code.Sentinel()
		sentinels[sentinel] = true
		wire := &Error{Code: code, Message: "m"}
		if !errors.Is(fmt.Errorf("op: %w", wire), sentinel) || CodeOf(fmt.Errorf("op: %w", sentinel)) != code || CodeOf(wire) != code {
			t.Errorf("%s: does not go there and back", code)
		}
		if back := WireError(fmt.Errorf("op: %w", sentinel)); back.Code != code || !strings.Contains(back.Message, "op") {
			t.Errorf("%s: on the wire %+v", code, back)
		}
		if codeOfNumber(want[code]).Number() != want[code] {
			t.Errorf("%d is read as %s", want[code], codeOfNumber(want[code]))
		}
	}
	if len(sentinels) != len(want) {
		t.Errorf("%d sentinels for %d codes", len(sentinels), len(want))
	}
	odd := &Error{Code: "odd"}
	if odd.Number() != 500 || !errors.Is(odd, ErrInternal) || codeOfNumber(418) != CodeInternal {
		t.Error("an unknown code is not internal")
	}
}

func TestCodeOfOtherErrors(t *testing.T) {
	for err, want := range map[error]Code{
		nil: "", errors.New("x"): CodeInternal, context.DeadlineExceeded: CodeTimeout, context.Canceled: CodeUnavailable,
		nats.ErrNoResponders: CodeUnavailable, nats.ErrTimeout: CodeTimeout, nats.ErrMaxPayload: CodeTooLarge,
		nats.ErrConnectionClosed: CodeUnavailable, ErrFenced: CodeUnavailable, ErrUnknownOutcome: CodeTimeout,
	} {
		if got := CodeOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if CodeOf((*Error)(nil)) != CodeInternal {
		t.Error("a nil *Error has a code")
	}
}

func TestWireErrorTellsNoSecrets(t *testing.T) {
	for _, err := range []error{
		errors.New("password=hunter2"), fmt.Errorf("hunter2: %w", context.DeadlineExceeded), fmt.Errorf("hunter2: %w", nats.ErrNoResponders),
	} {
		if text := WireError(err).Message; strings.Contains(text, "hunter2") || text == "" {
			t.Errorf("%v: %q", err, text)
		}
	}
	if WireError(nil) != nil {
		t.Error("no error has a wire form")
	}
}

func TestErrorConstructors(t *testing.T) {
	e := Invalid(Fault{"params.hash", "is required"}, Fault{"timeout", "is late"})
	if e.Field != "params.hash" || len(e.Details) != 2 || e.Message != "params.hash: is required (and 1 more)" || e.Number() != 400 {
		t.Errorf("%+v", e)
	}
	if e := Conflict("source", "params.hash"); !errors.Is(e, ErrConflict) || e.Field != "source" || len(e.Details) != 2 {
		t.Errorf("%+v", e)
	}
	for after, want := range map[time.Duration]time.Duration{0: time.Millisecond, 1: time.Millisecond, 1500 * time.Microsecond: 2 * time.Millisecond} {
		if e := Overloaded(after); e.RetryAfter() != want || !errors.Is(e, ErrOverloaded) {
			t.Errorf("%s: %+v", after, e)
		}
	}
	for ms, want := range map[int64]time.Duration{-5: 0, 1 << 62: 24 * time.Hour} {
		if got := (&Error{RetryAfterMS: ms}).RetryAfter(); got != want {
			t.Errorf("%d ms: %s", ms, got)
		}
	}
	if e := Errorf(CodeInternal, "%s", strings.Repeat("é", 1000)); len(e.Message) > maxMessageBytes || !strings.HasSuffix(e.Message, "é…") {
		t.Errorf("message of %d bytes", len(e.Message))
	}
}
