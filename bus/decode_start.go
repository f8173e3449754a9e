package bus

import (
	"encoding/json"
	"strings"
	"time"
)

// DecodeStart reads a start message from the stream. The transaction ID is in the subject (tracker.start.<token>), in
// the body, or in both, where they must agree; the body is a JSON object, the bare ID, or empty if the subject has it.
//
// It fails with an [*Error] that names every fault but those of params, which are the source's to find: [ErrInvalid], or
// [ErrTooLarge] if size is all that is wrong. The request then still has the transaction ID if that much was understood.
func DecodeStart(subject string, body []byte) (StartRequest, error) {
	var r StartRequest
	var f faults
	id := subjectID(&f, subject)
	switch {
	case len(body) > MaxBodyBytes:
		f.addSize("", "body has %d bytes, at most %d are allowed", len(body), MaxBodyBytes)
	case len(body) == 0 && subject != SubjectStart:
	default:
		decodeStartBody(&f, body, &r, id.IsZero())
	}
	switch {
	case id.IsZero():
	case r.TransactionID.IsZero(), r.TransactionID == id:
		r.TransactionID = id
	default:
		f.add("transaction_id", "is %q in the body but %q in the subject", r.TransactionID, id)
	}
	return r, asError(f.err())
}

// subjectID returns the ID that the subject of a start names, or the zero ID.
func subjectID(f *faults, subject string) ID {
	if subject == SubjectStart {
		return ID{}
	}
	token, ok := strings.CutPrefix(subject, SubjectStart+".")
	if !ok {
		f.add("subject", "is %q, not %s or %s.<token>", subject, SubjectStart, SubjectStart)
		return ID{}
	}
	id, err := ParseToken(token)
	if err != nil {
		f.add("subject", "%s", reasonOf(err))
	}
	return id
}

// DecodeSpawn reads the body of tracker.spawn: one start, as a JSON object or the bare transaction ID, or {"items": [...]}
// of up to [MaxItems]. The error is about the body as a whole, as in [DecodeStart]; what is wrong with a single item of
// many is its Err.
func DecodeSpawn(body []byte) (SpawnRequest, error) {
	var f faults
	if len(body) > MaxBulkBytes {
		f.addSize("", "body has %d bytes, at most %d are allowed", len(body), MaxBulkBytes)
		return SpawnRequest{}, f.err()
	}
	if isJSON(body) && !checkText(&f, body) {
		return SpawnRequest{}, f.err()
	}
	if items, ok := bulkItems(body); ok {
		return decodeItems(body, items)
	}
	var r StartRequest
	switch {
	case len(body) > MaxBodyBytes:
		f.addSize("", "body has %d bytes, at most %d are allowed for one start", len(body), MaxBodyBytes)
	case isJSON(body):
		decodeObject(&f, "", body, startFields(&r, true)...)
	default:
		setID(&f, "transaction_id", bareText(body), &r.TransactionID)
	}
	return SpawnRequest{Items: []SpawnItem{{Start: r}}}, asError(f.err())
}

// bulkItems returns the value of "items" if body, which is valid if it is JSON at all, is an object that has it.
func bulkItems(body []byte) (items []byte, ok bool) {
	if !isJSON(body) || kindOf(body) != "object" {
		return nil, false
	}
	for name, value := range split(body) {
		if text, good := unquote(name); good && text == "items" {
			items, ok = value, true
		}
	}
	return items, ok
}

// decodeItems reads a bulk spawn.
func decodeItems(body, items []byte) (SpawnRequest, error) {
	var f faults
	decodeEnvelope(&f, body)
	if kind := kindOf(items); kind != "array" {
		f.add("items", "must be an array, got %s", kind)
		return SpawnRequest{Bulk: true}, f.err()
	}
	all := elements(items, MaxItems+1)
	switch {
	case len(all) == 0:
		f.add("items", "is empty")
	case len(all) > MaxItems:
		f.addSize("items", "has more than %d starts", MaxItems)
	}
	if err := f.err(); err != nil {
		return SpawnRequest{Bulk: true}, err
	}
	r := SpawnRequest{Items: make([]SpawnItem, len(all)), Bulk: true}
	reader := newStartReader()
	for i, raw := range all {
		r.Items[i].Start, r.Items[i].Err = reader.read(element("items", i), raw)
	}
	return r, nil
}

// decodeEnvelope notes what stands beside the items.
func decodeEnvelope(f *faults, body []byte) {
	for _, m := range members(f, "", body) {
		if m.name != "items" {
			f.add(child("", m.name), "is not a field beside items")
		}
	}
}

// startReader reads starts one after the other. What their fields are is made once.
type startReader struct {
	start  StartRequest
	fields []field
}

func newStartReader() *startReader {
	s := new(startReader)
	s.fields = startFields(&s.start, true)
	return s
}

// read reads one start of which the text has been checked.
func (s *startReader) read(path string, raw []byte) (StartRequest, *Error) {
	var f faults
	s.start = StartRequest{}
	if len(raw) > MaxBodyBytes {
		f.addSize(path, "has %d bytes, at most %d are allowed", len(raw), MaxBodyBytes)
	} else {
		decodeObject(&f, path, raw, s.fields...)
	}
	return s.start, f.err()
}

// decodeStartBody reads one start that is a JSON object or a bare ID.
func decodeStartBody(f *faults, body []byte, r *StartRequest, idRequired bool) {
	if !isJSON(body) {
		setID(f, "transaction_id", bareText(body), &r.TransactionID)
		return
	}
	if checkText(f, body) {
		decodeObject(f, "", body, startFields(r, idRequired)...)
	}
}

func startFields(r *StartRequest, idRequired bool) []field {
	id := idField(&r.TransactionID)
	id.required = idRequired
	return []field{
		id,
		{name: "source", set: nameOf(&r.Source)},
		{name: "params", set: objectOf(&r.Params, MaxBodyBytes)},
		{name: "restart", set: oneOf(&r.Restart, RestartPermanent, RestartTransient, RestartTemporary)},
		{name: "timeout", set: durationOf(&r.Timeout)},
		{name: "labels", set: labelsOf(&r.Labels)},
		{name: "meta", set: objectOf(&r.Meta, MaxMetaBytes)},
		{name: "on_existing", set: oneOf(&r.OnExisting, ExistingReturn, ExistingReject, ExistingRestart)},
	}
}

func durationOf(p *Duration) func(*faults, string, []byte) {
	return func(f *faults, path string, raw []byte) {
		if kind := kindOf(raw); kind != "string" {
			f.add(path, `must be a duration such as "24h", got %s`, kind)
			return
		}
		text, ok := stringAt(f, path, raw)
		if !ok {
			return
		}
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			f.add(path, `must be a duration such as "24h", got %q`, text)
		case d <= 0:
			f.add(path, "must be longer than 0, got %q", text)
		default:
			*p = Duration(d)
		}
	}
}

func labelsOf(p *map[string]string) func(*faults, string, []byte) {
	return func(f *faults, path string, raw []byte) {
		if kind := kindOf(raw); kind != "object" {
			f.add(path, "must be an object, got %s", kind)
			return
		}
		all := members(f, path, raw)
		if len(all) > MaxLabels {
			f.addSize(path, "has %d labels, at most %d are allowed", len(all), MaxLabels)
			return
		}
		labels := make(map[string]string, len(all))
		for _, m := range all {
			at := child(path, m.name)
			if !labelKey(m.name) {
				f.add(at, "is no label: 1 to %d bytes of A-Z a-z 0-9 _ - . /", MaxLabelKeyBytes)
				continue
			}
			var value string
			textOf(&value, MaxLabelValueBytes)(f, at, m.raw)
			labels[m.name] = value
		}
		*p = labels
	}
}

// objectOf keeps a JSON object of at most limit bytes as it is, without white space between its tokens.
func objectOf(p *json.RawMessage, limit int) func(*faults, string, []byte) {
	return func(f *faults, path string, raw []byte) {
		if kind := kindOf(raw); kind != "object" {
			f.add(path, "must be an object, got %s", kind)
			return
		}
		checkOpaque(f, path, raw)
		small := compact(raw)
		if len(small) > limit {
			f.addSize(path, "has %d bytes, at most %d are allowed", len(small), limit)
			return
		}
		*p = small
	}
}
