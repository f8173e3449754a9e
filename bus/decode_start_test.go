package bus

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustID(t testing.TB, s string) ID {
	t.Helper()
	id, err := ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func faultsOf(t testing.TB, err error) (Code, []string) {
	t.Helper()
	if err == nil {
		return "", nil
	}
	var wire *Error
	if !errors.As(err, &wire) {
		t.Fatalf("error is %T, want *Error: %v", err, err)
	}
	var fields []string
	for _, d := range wire.Details {
		fields = append(fields, d.Field)
	}
	return wire.Code, fields
}

func TestDecodeStartReadsEveryField(t *testing.T) {
	got, err := DecodeStart(SubjectStart, []byte(` {
		"transaction_id": "txn_\u0031", "source": "mainnet", "params": {"hash": "<0x>", "deep": [1, {"a": null}]},
		"restart": "permanent", "timeout": "1h30m", "labels": {"team": "wallet", "a.b/c": ""},
		"meta": {"any": "é"}, "on_existing": "restart"}
	`))
	if err != nil {
		t.Fatal(err)
	}
	want := StartRequest{
		TransactionID: mustID(t, "txn_1"), Source: "mainnet", Params: json.RawMessage(`{"hash":"<0x>","deep":[1,{"a":null}]}`),
		Restart: "permanent", Timeout: Duration(90 * time.Minute), Labels: map[string]string{"team": "wallet", "a.b/c": ""},
		Meta: json.RawMessage(`{"any":"é"}`), OnExisting: ExistingRestart,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ID{})); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeStartNamesEveryFaultAtOnce(t *testing.T) {
	_, err := DecodeStart(SubjectStart, []byte(`{
		"transaction_id": 7, "source": "no spaces", "params": [], "restart": "often", "timeout": "0s",
		"labels": {"a b": "x", "ok": 1, "twice": "a", "twice": "b"}, "meta": "text", "on_existing": "explode",
		"Timeout": "1h", "extra": 1}`))
	code, fields := faultsOf(t, err)
	want := []string{
		"Timeout", "extra", "transaction_id", "source", "params", "restart", "timeout",
		"labels.twice", `labels["a b"]`, "labels.ok", "meta", "on_existing",
	}
	if diff := cmp.Diff(want, fields); code != CodeInvalid || diff != "" {
		t.Errorf("code %s, fields (-want +got):\n%s", code, diff)
	}
	if !errors.Is(err, ErrInvalid) || errors.Is(err, ErrTooLarge) {
		t.Errorf("error is not only ErrInvalid: %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "did you mean timeout?") {
		t.Errorf("%q has no hint", text)
	}
}

// startCase is a start message and what becomes of it: the ID that is understood, the code and the faulty fields.
type startCase struct {
	subject, body, id string
	code              Code
	fields            string
}

// deepStart nests n objects in one another.
func deepStart(n int) string {
	return `{"transaction_id":"t","params":` + strings.Repeat(`{"a":`, n-1) + "1" + strings.Repeat("}", n)
}

func TestDecodeStartAccepts(t *testing.T) {
	odd := mustID(t, "a.b *>$/é")
	testStarts(t, map[string]startCase{
		"bare ID":                {body: "txn_1", id: "txn_1"},
		"bare ID of a shell":     {body: "txn_1\r\n", id: "txn_1"},
		"bare ID with spaces":    {body: " a b ", id: " a b "},
		"bare number":            {body: "007", id: "007"},
		"ID in the subject only": {subject: StartSubject(odd), id: odd.String()},
		"same ID in both":        {subject: StartSubject(odd), body: `{"transaction_id":"a.b *>$/é"}`, id: odd.String()},
		"no ID in the body":      {subject: "tracker.start.t", body: `{"source":"sim"}`, id: "t"},
		"bare ID in both":        {subject: "tracker.start.t", body: `t`, id: "t"},
		"null is left out":       {body: `{"transaction_id":"t","source":null,"params":null,"timeout":null,"meta":null}`, id: "t"},
		"128 bytes":              {body: strings.Repeat("é", 64), id: strings.Repeat("é", 64)},
		"depth 32":               {body: deepStart(32), id: "t"},
		"surrogate pair":         {body: `{"transaction_id":"\ud83d\ude00"}`, id: "😀"},
	})
}

func TestDecodeStartRefuses(t *testing.T) {
	big := strings.Repeat("x", MaxBodyBytes)
	testStarts(t, map[string]startCase{
		"other ID in the body": {subject: "tracker.start.t", body: `{"transaction_id":"u"}`, id: "u", code: CodeInvalid, fields: "transaction_id"},
		"no token":             {subject: "tracker.start.=", body: `t`, id: "t", code: CodeInvalid, fields: "subject"},
		"no token's spelling":  {subject: "tracker.start.=dHhu", code: CodeInvalid, fields: "subject"},
		"nothing":              {code: CodeInvalid, fields: "transaction_id"},
		"empty object":         {body: `{}`, code: CodeInvalid, fields: "transaction_id"},
		"empty ID":             {body: `{"transaction_id":""}`, code: CodeInvalid, fields: "transaction_id"},
		"129 bytes":            {body: strings.Repeat("x", 129), code: CodeInvalid, fields: "transaction_id"},
		"null ID":              {body: `{"transaction_id":null}`, code: CodeInvalid, fields: "transaction_id"},
		"NUL in the ID":        {body: `{"transaction_id":"a\u0000"}`, code: CodeInvalid, fields: "transaction_id"},
		"NUL in the bare ID":   {body: "a\x00", code: CodeInvalid, fields: "transaction_id"},
		"bare bytes":           {body: "a\xff", code: CodeInvalid, fields: "transaction_id"},
		"bytes in an object":   {body: "{\"transaction_id\":\"t\xff\"}", code: CodeInvalid, fields: ""},
		"half a surrogate":     {body: `{"transaction_id":"\ud83d"}`, code: CodeInvalid, fields: "transaction_id"},
		"wrong half":           {body: `{"transaction_id":"\ud83d\u0041"}`, code: CodeInvalid, fields: "transaction_id"},
		"half in params":       {body: `{"transaction_id":"t","params":{"a":["\udc00"]}}`, id: "t", code: CodeInvalid, fields: "params.a[0]"},
		"twice in params":      {body: `{"transaction_id":"t","params":{"a":{"b":1,"\u0062":2}}}`, id: "t", code: CodeInvalid, fields: "params.a.b"},
		"ID twice":             {body: `{"transaction_id":"t","transaction_id":"u"}`, id: "t", code: CodeInvalid, fields: "transaction_id"},
		"array":                {body: `["t"]`, code: CodeInvalid, fields: ""},
		"JSON string":          {body: `"t"`, code: CodeInvalid, fields: ""},
		"cut off":              {body: `{"transaction_id":"t`, code: CodeInvalid, fields: ""},
		"two objects":          {body: `{"transaction_id":"t"}{}`, code: CodeInvalid, fields: ""},
		"depth 33":             {body: deepStart(33), code: CodeInvalid, fields: ""},
		"depth 20,000":         {body: strings.Repeat(`{"a":`, 13000), code: CodeInvalid, fields: ""},
		"timeout is a number":  {body: `{"transaction_id":"t","timeout":5}`, id: "t", code: CodeInvalid, fields: "timeout"},
		"timeout below 0":      {body: `{"transaction_id":"t","timeout":"-1s"}`, id: "t", code: CodeInvalid, fields: "timeout"},
		"other subject":        {subject: "tracker.stop", body: `t`, id: "t", code: CodeInvalid, fields: "subject"},

		"64 KiB and 1":        {body: big + "x", code: CodeTooLarge, fields: ""},
		"900 KB":              {subject: "tracker.start.t", body: `{"meta":{"a":"` + strings.Repeat(big, 14) + `"}}`, id: "t", code: CodeTooLarge, fields: ""},
		"meta of 4 KiB and 1": {body: `{"transaction_id":"t","meta":{"a":"` + big[:MaxMetaBytes-7] + `"}}`, id: "t", code: CodeTooLarge, fields: "meta"},
		"long label":          {body: `{"transaction_id":"t","labels":{"a":"` + big[:257] + `"}}`, id: "t", code: CodeTooLarge, fields: "labels.a"},
		"large and wrong":     {body: `{"transaction_id":"t","restart":1,"labels":{"a":"` + big[:257] + `"}}`, id: "t", code: CodeInvalid, fields: "restart labels.a"},
	})
}

func testStarts(t *testing.T, cases map[string]startCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			subject := tc.subject
			if subject == "" {
				subject = SubjectStart
			}
			r, err := DecodeStart(subject, []byte(tc.body))
			code, fields := faultsOf(t, err)
			if code != tc.code || strings.Join(fields, " ") != tc.fields || r.TransactionID.String() != tc.id {
				t.Errorf("got code %q fields %q ID %q, want %q %q %q: %v", code, fields, r.TransactionID, tc.code, tc.fields, tc.id, err)
			}
			if (tc.code == "") != (err == nil) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestDecodeSpawnAnswersPerItem(t *testing.T) {
	got, err := DecodeSpawn([]byte(`{"items": [{"transaction_id":"a"}, {"transaction_id":"b","timeout":"x","x":1}, "c",
		{"params":{"a":1,"a":2}}, {"transaction_id":"d","params":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "items[1].x items[1].timeout", "items[2]", "items[3].transaction_id items[3].params.a", "items[4]"}
	if len(got.Items) != len(want) || !got.Bulk {
		t.Fatalf("got %d items, bulk %v", len(got.Items), got.Bulk)
	}
	for i, item := range got.Items {
		_, fields := faultsOf(t, asError(item.Err))
		if strings.Join(fields, " ") != want[i] {
			t.Errorf("item %d: fields %q, want %q", i, fields, want[i])
		}
	}
	if got.Items[1].Start.TransactionID.String() != "b" {
		t.Errorf("item 1 lost its ID: %+v", got.Items[1].Start)
	}
}

func TestDecodeSpawnTable(t *testing.T) {
	many := func(n int) string {
		return `{"items":[` + strings.TrimSuffix(strings.Repeat(`{"transaction_id":"t"},`, n), ",") + `]}`
	}
	large := `{"transaction_id":"t","params":{"a":"` + strings.Repeat("x", MaxBodyBytes) + `"}}`
	for name, tc := range map[string]struct {
		body   string
		items  int
		code   Code
		fields string
	}{
		"single":         {body: `{"transaction_id":"t"}`, items: 1},
		"bare":           {body: `t`, items: 1},
		"1,000":          {body: many(1000), items: 1000},
		"1,001":          {body: many(1001), code: CodeTooLarge, fields: "items"},
		"none":           {body: many(0), code: CodeInvalid, fields: "items"},
		"no array":       {body: `{"items":{}}`, code: CodeInvalid, fields: "items"},
		"null":           {body: `{"items":null}`, code: CodeInvalid, fields: "items"},
		"items twice":    {body: `{"items":[{"transaction_id":"t"}],"items":[]}`, code: CodeInvalid, fields: "items items"},
		"beside items":   {body: `{"items":[{"transaction_id":"t"}],"transaction_id":"t"}`, code: CodeInvalid, fields: "transaction_id"},
		"broken":         {body: `{"items":[`, items: 1, code: CodeInvalid, fields: ""},
		"large item":     {body: `{"items":[` + large + `]}`, items: 1},
		"large single":   {body: large, items: 1, code: CodeTooLarge, fields: ""},
		"1 MiB and more": {body: strings.Repeat(" ", MaxBulkBytes) + "t", code: CodeTooLarge, fields: ""},
		"not UTF-8":      {body: "{\"items\":[\"\xff\"]}", code: CodeInvalid, fields: ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := DecodeSpawn([]byte(tc.body))
			code, fields := faultsOf(t, err)
			if code != tc.code || strings.Join(fields, " ") != tc.fields {
				t.Errorf("got code %q fields %q, want %q %q: %v", code, fields, tc.code, tc.fields, err)
			}
			if err == nil && len(r.Items) != tc.items {
				t.Errorf("got %d items, want %d", len(r.Items), tc.items)
			}
			if name == "large item" && !errors.Is(r.Items[0].Err, ErrTooLarge) {
				t.Errorf("item error %v, want ErrTooLarge", r.Items[0].Err)
			}
		})
	}
}

func TestFaultsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"transaction_id":"t"`)
	for i := range 3000 {
		b.WriteString(`,"` + strings.Repeat("é", 1+i%3) + strings.Repeat("x", i) + `":1`)
		if b.Len() > MaxBodyBytes-4000 {
			break
		}
	}
	b.WriteString("}")
	_, err := DecodeStart(SubjectStart, []byte(b.String()))
	_, fields := faultsOf(t, err)
	if len(fields) != maxFaults+1 {
		t.Errorf("%d faults, want %d", len(fields), maxFaults+1)
	}
	for _, field := range fields {
		if len(field) > maxFieldBytes {
			t.Errorf("field of %d bytes", len(field))
		}
	}
}
