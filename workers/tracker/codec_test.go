package tracker

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/google/go-cmp/cmp"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// full returns a record with something in every field.
func full(t testing.TB) *Record {
	t.Helper()
	req := bus.StartRequest{
		TransactionID: mustID(t, "txn/1 ë"), Source: "mainnet", Params: []byte(`{ "hash": "0x<1>" }`), Restart: "permanent",
		Timeout: bus.Duration(time.Hour), Labels: map[string]string{"team": "wallet"}, Meta: []byte(`{"a": "&"}`),
	}
	r := Start(epoch, req, bus.Trace{Parent: "00-p", State: "s=1"}).Next.Owned(1234, 2)
	r = r.Observe(epoch, nil, waits(90)).Next
	p := &source.Policy{Confirmations: 12}
	i := reverted(100, "0xa")
	i.Block.Time, i.Index, i.FeePaid, i.ReasonData = epoch, 4, "42", "0x01"
	r = r.Observe(epoch, p, included(i, 103)).Next
	return r.Restarted(epoch, Comeback{Crash: Crash{At: epoch, Reason: "x"}, Incarnation: 3}).Next
}

func TestRecordSurvivesEncoding(t *testing.T) {
	running := full(t)
	for name, r := range map[string]*Record{
		"running": running,
		"parked":  running.Parked(epoch, Crash{At: epoch, Reason: "y"}, epoch).Next,
		"stopped": running.Stop(epoch, "normal", "ops").Next,
		"bare":    Start(epoch, bus.StartRequest{TransactionID: mustID(t, "txn")}, bus.Trace{}).Next,
	} {
		b, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, b, err)
		}
		kept := cmp.AllowUnexported(Record{}, ask{}, more{}, sight{}, trouble{}, rest{}, inner{}, bus.ID{})
		all := cmp.Options{kept, cmp.Comparer(sameHandle)}
		if diff := cmp.Diff(r, back, all); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFieldsOfOtherVersionsAreKept(t *testing.T) {
	b, err := Encode(full(t))
	if err != nil {
		t.Fatal(err)
	}
	foreign := `"new":{"deep":[1,{"}":"]\""}]},"other":1.50,"ünï":null`
	r, err := Decode([]byte(strings.Replace(string(b), "{", "{ "+foreign+" , ", 1)))
	if err != nil {
		t.Fatal(err)
	}
	finished := r.Observe(epoch, &source.Policy{Confirmations: 1}, advanced(111)).Next
	for name, r := range map[string]*Record{
		"decoded": r, "finished": finished, "run again": finished.Rerun(epoch, bus.StartRequest{}, bus.Trace{}).Next,
	} {
		again, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(again, []byte(","+foreign+"}")) || !json.Valid(again) {
			t.Errorf("%s: %s", name, again)
		}
	}
}

// TestFieldsOfOtherVersionsAreKeptWithinObjects for as long as the object is about the same thing.
func TestFieldsOfOtherVersionsAreKeptWithinObjects(t *testing.T) {
	b, err := Encode(full(t))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for object, foreign := range map[string]string{"sight": `"peers":[7]`, "inclusion": `"blobs":{"n":1}`, "last_error": `"core":"x}"`} {
		before := text
		if text = strings.Replace(text, `"`+object+`":{`, `"`+object+`":{`+foreign+`,`, 1); text == before {
			t.Fatalf("no %s in %s", object, b)
		}
	}
	r, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := r.Observe(epoch, nil, reorged(in(100, "0xa"), nil, 104)).Next
	for _, c := range []struct {
		name string
		r    *Record
		want map[string]bool
	}{
		{"decoded", r, map[string]bool{"peers": true, "blobs": true, "core": true}},
		{"progress", r.Observe(epoch, &source.Policy{Confirmations: 12}, advanced(106)).Next, map[string]bool{"peers": true, "blobs": true, "core": true}},
		{"in no block", elsewhere, map[string]bool{"peers": true, "blobs": false, "core": true}},
		{"in another", elsewhere.Observe(epoch, nil, included(in(105, "0xb"), 105)).Next, map[string]bool{"blobs": false, "core": true}},
		{"crashed again", r.Restarted(epoch.Add(time.Second), Comeback{Crash: Crash{At: epoch.Add(time.Second)}, Incarnation: 4}).Next, map[string]bool{"blobs": true, "core": false}},
	} {
		again, err := Encode(c.r)
		if err != nil {
			t.Fatal(err)
		}
		for field, want := range c.want {
			if got := bytes.Contains(again, []byte(`"`+field+`":`)); got != want {
				t.Errorf("%s: field %s is there: %t, want %t\n%s", c.name, field, got, want, again)
			}
		}
		if _, err := Decode(again); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]error{
		``: ErrRecord, `null`: ErrRecord, `[]`: ErrRecord, `{}`: ErrRecord, `{"transaction_id":""}`: ErrRecord,
		`{"transaction_id":"t"`:                                      ErrRecord,
		`{"transaction_id":"t","status":"dancing"}`:                  ErrRecord,
		`{"transaction_id":"t","phase":"dancing"}`:                   ErrRecord,
		`{"transaction_id":"t","restart":"dancing"}`:                 ErrRecord,
		`{"transaction_id":"t","phase":"finished"}`:                  ErrRecord,
		`{"transaction_id":"t","status":"confirmed"}`:                ErrRecord,
		`{"transaction_id":"t","run":4294967296}`:                    ErrRecord,
		`{"transaction_id":"t","events":18446744073709551615}`:       ErrRecord,
		`{"transaction_id":"t","started_at":"9999-01-01T00:00:00Z"}`: ErrRecord,
		`{"transaction_id":"t","schema":"1"}`:                        ErrRecord,
		`{"transaction_id":"t","schema":2}`:                          ErrSchema,
		`{"transaction_id":{"id":"t"},"schema":2}`:                   ErrSchema,
		`{"transaction_id":"t","schema":2.5}`:                        ErrSchema,
	} {
		if r, err := Decode([]byte(text)); !errors.Is(err, want) || r != nil {
			t.Errorf("%s: %v, %v, want %v", text, r, err, want)
		}
	}
}

func TestDecodeToleratesAbsentFields(t *testing.T) {
	for text, want := range map[string]bus.Status{
		`{"transaction_id":"t"}`:                       bus.StatusUnseen,
		`{"transaction_id":"t","status":"confirming"}`: bus.StatusUnseen,
		`{"transaction_id":"t","status":"confirming","sight":{"last_seen":` + after(1) + `}}`: bus.StatusPending,
		`{"transaction_id":"t","status":"pending","inclusion":{"number":1}}`:                  bus.StatusPending,
		`{"transaction_id":"t","status":"confirming","inclusion":{}}`:                         bus.StatusConfirming,
	} {
		r, err := Decode([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if r.Status() != want || r.Restart() != "transient" || r.Phase() != bus.PhaseRunning {
			t.Errorf("%s: %s, %s, %s", text, r.Status(), r.Restart(), r.Phase())
		}
	}
}

func TestEncodeRefusesWhatIsNoJSON(t *testing.T) {
	d := Start(epoch, bus.StartRequest{TransactionID: mustID(t, "t"), Meta: []byte("{")}, bus.Trace{})
	if b, err := Encode(d.Next); err == nil {
		t.Errorf("encoded %s", b)
	}
	if b, err := d.Events[0].Body(); err == nil {
		t.Errorf("body %s", b)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := Encode(full(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"Transaction_ID":"t","new":[{"}":"\\"}],"STATUS":"confirming","status":"pending","schema":1}`))
	f.Add([]byte(`{"transaction_id":"t","sight":{"new":1},"last_error":{"x":[]},"inclusion":{"y":"}"},"status":"confirming"}`))
	f.Add([]byte(`{"transaction_id":"t","sight":{},"inclusion":{"number":18446744073709551615},"status":"confirming","x":"\xff"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) && !errors.Is(err, ErrSchema) || r != nil {
				t.Fatalf("%v, %v", r, err)
			}
			return
		}
		once, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(once)
		if err != nil {
			t.Fatalf("decode again %s: %v", once, err)
		}
		if twice, err := Encode(back); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("encoded %s, then %s: %v", once, twice, err)
		}
		for _, o := range []source.Observation{absent(1, 0, 1), included(in(5, "a"), 5), advanced(9), reorged(in(5, "a"), nil, 4)} {
			if d := r.Observe(epoch, nil, o); d.Next != nil {
				r = d.Next
			}
		}
		r.Object(3)
		r.Hint()
	})
}

func sameHandle(a, b unique.Handle[string]) bool { return a == b }
