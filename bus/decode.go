package bus

import (
	"bytes"
	"slices"
	"strings"
)

// field is one member that an object may have. set judges and keeps its value; it is not called for null, which counts
// as left out.
type field struct {
	name     string
	required bool
	set      func(f *faults, path string, raw []byte)
}

// decodeObject reads the valid JSON value raw, which must be an object of these fields, and notes every fault.
func decodeObject(f *faults, path string, raw []byte, fields ...field) {
	if kind := kindOf(raw); kind != "object" {
		f.add(path, "must be an object, got %s", kind)
		return
	}
	if d := depth(raw); d > maxDepth {
		f.add(path, "nests %d levels deep, at most %d are allowed", d, maxDepth)
		return
	}
	all := members(f, path, raw)
	for _, m := range all {
		if !known(fields, m.name) {
			f.add(child(path, m.name), "is not a field%s", hint(fields, m.name))
		}
	}
	for _, want := range fields {
		given := slices.IndexFunc(all, func(m member) bool { return m.name == want.name })
		switch {
		case given >= 0 && kindOf(all[given].raw) != "null":
			want.set(f, child(path, want.name), all[given].raw)
		case want.required:
			f.add(child(path, want.name), "is required")
		}
	}
}

func known(fields []field, name string) bool {
	for _, field := range fields {
		if field.name == name {
			return true
		}
	}
	return false
}

// hint points from a name that is only spelled differently to the field that it means.
func hint(fields []field, name string) string {
	bare := func(s string) string { return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s)) }
	for _, field := range fields {
		if bare(field.name) == bare(name) {
			return "; did you mean " + field.name + "?"
		}
	}
	return ""
}

// decodeBody reads the body of a request: a JSON object of these fields, or bare text, which is handed to bare. An empty
// body is bare text too. Nil means that nothing is wrong.
func decodeBody(body []byte, bare func(f *faults, text string), fields ...field) *Error {
	var f faults
	switch {
	case len(body) > MaxBodyBytes:
		f.addSize("", "body has %d bytes, at most %d are allowed", len(body), MaxBodyBytes)
	case isJSON(body):
		if checkText(&f, body) {
			decodeObject(&f, "", body, fields...)
		}
	default:
		bare(&f, bareText(body))
	}
	return f.err()
}

// isJSON reports whether body is meant as JSON rather than as bare text: it begins as an object, an array or a string.
// IDs that begin so can only be sent in an object.
func isJSON(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && (body[0] == '{' || body[0] == '[' || body[0] == '"')
}

// bareText returns body without the line end that shells and editors leave.
func bareText(body []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(body), "\n"), "\r")
}

// bareID reads a body that is nothing but the transaction ID.
func bareID(id *ID) func(*faults, string) {
	return func(f *faults, text string) { setID(f, "transaction_id", text, id) }
}

// DecodeLookup reads the body of tracker.lookup. Like all the decoders it fails with an [*Error] that names every fault:
// [ErrInvalid], or [ErrTooLarge] if size is all that is wrong.
func DecodeLookup(body []byte) (LookupRequest, error) {
	if text := string(body); 0 < len(text) && len(text) <= MaxIDBytes && plainToken(text) { // as most are
		return LookupRequest{ID{text}}, nil
	}
	var r LookupRequest
	return r, asError(decodeBody(body, bareID(&r.TransactionID), idField(&r.TransactionID)))
}

// DecodeCall reads the body of tracker.call.
func DecodeCall(body []byte) (CallRequest, error) {
	r := CallRequest{Op: OpState}
	err := decodeBody(body, bareID(&r.TransactionID), idField(&r.TransactionID),
		field{name: "op", set: oneOf(&r.Op, OpState, OpRefresh, OpPing, OpCrash)})
	return r, asError(err)
}

// DecodeStop reads the body of tracker.stop.
func DecodeStop(body []byte) (StopRequest, error) {
	r := StopRequest{Reason: ReasonNormal}
	err := decodeBody(body, bareID(&r.TransactionID), idField(&r.TransactionID),
		field{name: "reason", set: textOf(&r.Reason, MaxReasonBytes)},
		field{name: "by", set: textOf(&r.By, MaxReasonBytes)})
	return r, asError(err)
}

// DecodeRetry reads the body of tracker.retry.
func DecodeRetry(body []byte) (RetryRequest, error) {
	var r RetryRequest
	err := decodeBody(body, bareID(&r.TransactionID), idField(&r.TransactionID),
		field{name: "by", set: textOf(&r.By, MaxReasonBytes)})
	return r, asError(err)
}

// DecodeList reads the body of tracker.list; bare text is the filter. The filter is parsed by [ParseFilter], once here to
// answer for it and once by whom it serves.
func DecodeList(body []byte) (ListRequest, error) {
	r := ListRequest{Limit: DefaultListLimit}
	bare := func(f *faults, text string) { setFilter(f, "filter", text, &r.Filter) }
	err := decodeBody(body, bare,
		field{name: "filter", set: func(f *faults, path string, raw []byte) {
			if text, ok := stringAt(f, path, raw); ok {
				setFilter(f, path, text, &r.Filter)
			}
		}},
		field{name: "limit", set: wholeOf(&r.Limit, 1, MaxListLimit)},
		field{name: "cursor", set: textOf(&r.Cursor, MaxCursorBytes)})
	return r, asError(err)
}

// DecodeFleet reads the body of tracker.fleet, which is empty or an empty object.
func DecodeFleet(body []byte) (FleetRequest, error) {
	bare := func(f *faults, text string) {
		if text != "" {
			f.add("", "must be empty or an object")
		}
	}
	return FleetRequest{}, asError(decodeBody(body, bare))
}

// DecodeDrain reads the body of tracker.drain; bare text is the worker.
func DecodeDrain(body []byte) (DrainRequest, error) {
	var r DrainRequest
	bare := func(f *faults, text string) { setName(f, "worker", text, &r.Worker) }
	err := decodeBody(body, bare, field{name: "worker", required: true, set: nameOf(&r.Worker)})
	return r, asError(err)
}

// asError keeps a nil *Error from becoming an error that is not nil.
func asError(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}
