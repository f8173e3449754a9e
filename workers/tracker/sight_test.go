package tracker

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// missed is a record in JSON that tells of a transaction which was taken out of a block and looked for in vain.
const missed = `{"transaction_id":"t","status":"missing","sight":{"height":18446744073709551615,` +
	`"last_seen":"2262-04-11T23:47:16.854775807Z","since":"1677-09-21T00:12:43.145224192Z","checks":%d,"left_block":"0xa"}}`

func decode(t *testing.T, text string) *Record {
	t.Helper()
	r, err := Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// encode returns the JSON of r, which has to be the same again after it was read.
func encode(t *testing.T, r *Record) string {
	t.Helper()
	b, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Encode(decode(t, string(b)))
	if err != nil || string(again) != string(b) {
		t.Fatalf("encoded %s, then %s: %v", b, again, err)
	}
	return string(b)
}

// TestSightSurvivesEncodingAtItsEnds: looks are counted as far as the number goes, whoever wrote it.
func TestSightSurvivesEncodingAtItsEnds(t *testing.T) {
	for _, tt := range []struct{ wrote, kept, next uint64 }{
		{0, 0, 1},
		{math.MaxUint32 - 1, math.MaxUint32 - 1, math.MaxUint32},
		{math.MaxUint32, math.MaxUint32, math.MaxUint32},
		{math.MaxUint32 + 1, math.MaxUint32, math.MaxUint32},
		{math.MaxUint64, math.MaxUint32, math.MaxUint32},
	} {
		r := decode(t, fmt.Sprintf(missed, tt.wrote))
		want := strings.TrimPrefix(fmt.Sprintf(missed, tt.kept), `{"transaction_id":"t","status":"missing",`)
		if tt.kept == 0 {
			want = strings.Replace(want, `"checks":0,`, "", 1)
		}
		if got := encode(t, r); !strings.HasSuffix(got, want) {
			t.Errorf("%d looks: got %s, want %s", tt.wrote, got, want)
		}
		d := r.Observe(epoch, nil, absent(math.MaxUint64, 0, 1))
		if got := uint64(d.Next.sight.checks); got != tt.next {
			t.Errorf("%d looks and one more are %d, want %d", tt.wrote, got, tt.next)
		}
	}
}

// TestManyLooksAtOnceAreCountedAsFarAsTheNumbersGo, at whatever endpoint.
func TestManyLooksAtOnceAreCountedAsFarAsTheNumbersGo(t *testing.T) {
	for _, tt := range []struct{ checks, looks, total int }{
		{1, 1, 1}, {math.MaxUint16 + 1, math.MaxUint16, math.MaxUint16 + 1}, {math.MaxInt, math.MaxUint16, math.MaxUint32},
	} {
		for _, endpoint := range []int{0, 62, 63, 64, 70000} {
			w := begins(t, source.Policy{})
			o := absent(1, endpoint, endpoint+1)
			o.Checks = tt.checks
			w.sees(o)
			s := w.r.sight
			if int(s.looks) != tt.looks || int(s.checks) != tt.total || s.several || int(s.endpoint) != min(endpoint, 63)+1 {
				t.Errorf("%d looks at endpoint %d: %+v", tt.checks, endpoint, s)
			}
			w.sees(absent(1, 1, endpoint+1))
			if !w.r.sight.several {
				t.Errorf("endpoints %d and 1 count as one", endpoint)
			}
		}
	}
}

// TestTheBlockThatWasLeftStays through sights, looks in vain, crashes and a restart of the worker, until the next run.
func TestTheBlockThatWasLeftStays(t *testing.T) {
	w := begins(t, source.Policy{Confirmations: 12})
	w.sees(included(in(100, "0xa"), 103))
	w.sees(reorged(in(100, "0xa"), nil, 101))
	for name, r := range map[string]*Record{
		"looked for":    w.r.Observe(w.now, w.policy, absent(102, 0, 1)).Next,
		"seen":          w.r.Observe(w.now, w.policy, waits(102)).Next,
		"without a new": w.r.Observe(w.now, w.policy, included(in(102, ""), 103)).Next,
		"crashed":       w.r.Crashed(w.now, Crash{At: w.now}).Next,
		"stopped":       w.r.Stop(w.now, "", "").Next,
	} {
		if text := encode(t, r); !strings.Contains(text, `"left_block":"0xa"`) {
			t.Errorf("%s: %s", name, text)
		}
		if diff := cmp.Diff(r.left(), decode(t, encode(t, r)).left()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if again := w.r.Stop(w.now, "", "").Next.Rerun(w.now, bus.StartRequest{}, bus.Trace{}).Next; again.left() != "" {
		t.Errorf("the next run has left %s", again.left())
	}
}
