package tracker

// inner are the fields of other versions within objects that this version writes too, each as ,"name":value. They stay for as
// long as the object tells of the same thing: a field of one inclusion says nothing of the next.
type inner struct {
	sight string

	place  string
	number uint64 // of the block that place is about
	hash   string

	lastError string
	at        stamp // of the crash that lastError is about
}

var (
	sightFields = fieldsOf[wireSight]()
	placeFields = fieldsOf[place]()
	errorFields = fieldsOf[wireError]()
)

// foreignFields returns what this version doesn't know of a record that it has decoded as w: members of the record itself, and
// of the objects in it, nil if there are none.
func foreignFields(b []byte, w wire) (extra string, in *inner) {
	var found inner
	extra = recordFields.unknown(b, func(name, value []byte) {
		switch string(name) {
		case "sight":
			found.sight = sightFields.unknown(value, nil)
		case "inclusion":
			found.place = placeFields.unknown(value, nil)
		case "last_error":
			found.lastError = errorFields.unknown(value, nil)
		}
	})
	if found == (inner{}) {
		return extra, nil
	}
	if w.Inclusion != nil {
		found.number, found.hash = w.Inclusion.Number, w.Inclusion.Hash
	}
	if w.LastError != nil {
		found.at = w.LastError.At
	}
	return extra, &found
}

// of returns the fields that still belong to the objects of w. The nil inner has none.
func (in *inner) of(w *wire) inner {
	if in == nil {
		return inner{}
	}
	still := *in
	if p := w.Inclusion; p != nil && (p.Number != in.number || p.Hash != in.hash) {
		still.place = ""
	}
	if e := w.LastError; e != nil && e.At != in.at {
		still.lastError = ""
	}
	return still
}
