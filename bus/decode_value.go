package bus

import (
	"fmt"
	"strconv"
	"strings"
)

// idField is the member transaction_id.
func idField(id *ID) field {
	return field{name: "transaction_id", required: true, set: func(f *faults, path string, raw []byte) {
		if text, ok := stringAt(f, path, raw); ok {
			setID(f, path, text, id)
		}
	}}
}

func setID(f *faults, path, text string, id *ID) {
	parsed, err := ParseID(text)
	if err != nil {
		f.add(path, "%s", reasonOf(err))
		return
	}
	*id = parsed
}

// reasonOf returns the text of an error of [ParseID] or [ParseToken] without the name of the sentinel.
func reasonOf(err error) string { return strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": ") }

// stringAt returns the text of a value that must be a string.
func stringAt(f *faults, path string, raw []byte) (string, bool) {
	if kind := kindOf(raw); kind != "string" {
		f.add(path, "must be a string, got %s", kind)
		return "", false
	}
	text, ok := unquote(raw)
	if !ok {
		f.add(path, "has half of a surrogate pair")
	}
	return text, ok
}

// textOf keeps a string of at most limit bytes without control characters.
func textOf(p *string, limit int) func(*faults, string, []byte) {
	return func(f *faults, path string, raw []byte) {
		text, ok := stringAt(f, path, raw)
		switch {
		case !ok:
		case len(text) > limit:
			f.addSize(path, "has %d bytes, at most %d are allowed", len(text), limit)
		case strings.IndexFunc(text, isControl) >= 0:
			f.add(path, "has a control character")
		default:
			*p = text
		}
	}
}

// oneOf keeps one of these strings.
func oneOf[T ~string](p *T, allowed ...T) func(*faults, string, []byte) {
	return func(f *faults, path string, raw []byte) {
		text, ok := stringAt(f, path, raw)
		if !ok {
			return
		}
		for _, a := range allowed {
			if T(text) == a {
				*p = a
				return
			}
		}
		f.add(path, "must be one of %s, got %q", choices(allowed), clip(text, maxFieldBytes))
	}
}

func choices[T ~string](allowed []T) string {
	all := make([]string, len(allowed))
	for i, a := range allowed {
		all[i] = string(a)
	}
	return strings.Join(all, ", ")
}

// wholeOf keeps a whole number from least to most.
func wholeOf(p *int, least, most int) func(*faults, string, []byte) {
	return func(f *faults, path string, raw []byte) {
		n, err := strconv.Atoi(string(raw))
		if kind := kindOf(raw); kind != "number" || err != nil || n < least || n > most {
			f.add(path, "must be a whole number from %d to %d, got %s", least, most, clip(string(raw), maxFieldBytes))
			return
		}
		*p = n
	}
}

// nameOf keeps the name of a source or worker.
func nameOf(p *string) func(*faults, string, []byte) {
	return func(f *faults, path string, raw []byte) {
		if text, ok := stringAt(f, path, raw); ok {
			setName(f, path, text, p)
		}
	}
}

func setName(f *faults, path, text string, p *string) {
	if err := CheckName(text); err != nil {
		f.add(path, "%s", reasonOf(err))
		return
	}
	*p = text
}

// CheckName reports why s cannot name a source or a worker. Names are 1 to [MaxNameBytes] bytes of A-Z a-z 0-9 _ -, so
// that they can stand in subjects, headers, filters and metrics. The error is [ErrInvalid].
func CheckName(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: name is empty", ErrInvalid)
	case len(s) > MaxNameBytes:
		return fmt.Errorf("%w: name has %d bytes, at most %d are allowed", ErrInvalid, len(s), MaxNameBytes)
	case !identifier(s):
		return fmt.Errorf("%w: name %q has characters other than A-Z a-z 0-9 _ -", ErrInvalid, s)
	}
	return nil
}

// labelKey reports whether s can be the key of a label.
func labelKey(s string) bool {
	return s != "" && len(s) <= MaxLabelKeyBytes && identifier(strings.NewReplacer(".", "_", "/", "_").Replace(s))
}

func setFilter(f *faults, path, text string, p *string) {
	if _, err := ParseFilter(text); err != nil {
		f.add(path, "%s", reasonOf(err))
		return
	}
	*p = text
}
