package ethereum

import (
	"testing"
	"time"
)

func TestBreakerOpensForLongerAndLonger(t *testing.T) {
	now := time.Unix(0, 0)
	var b breaker
	if !b.ready(now) || !b.trusted(now) {
		t.Fatal("the zero value is not closed and trusted")
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		b.fail(now, now)
		if b.trusted(now) || b.ready(now.Add(want*time.Second-1)) || !b.ready(now.Add(want*time.Second)) {
			t.Fatalf("open until %v, want for %ds", b.until.Sub(now), want)
		}
		b.fail(now, now) // tried while it is open
		now = now.Add(want * time.Second)
		b.succeed(now)
		if !b.ready(now) || b.trusted(now) {
			t.Fatal("want it ready and not trusted after one success")
		}
	}
	now = now.Add(openCap)
	if !b.trusted(now) {
		t.Error("not trusted after it was well for as long as it was open")
	}
	b.fail(now, now.Add(time.Hour))
	if b.ready(now.Add(time.Hour-1)) || !b.ready(now.Add(time.Hour)) {
		t.Error("was told to wait an hour")
	}
	now = now.Add(time.Hour)
	b.succeed(now)
	now = now.Add(forgetAfter * openCap)
	b.fail(now, now)
	if b.strikes != 1 {
		t.Errorf("%d strikes, want the old ones forgotten", b.strikes)
	}
}
