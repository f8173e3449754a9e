package tracker

import (
	"encoding/json"

	"trackerfleet/bus"
)

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

// wireWithin is a record's JSON form with objects that have fields of other versions.
type wireWithin struct {
	wire
	LastError json.RawMessage `json:"last_error,omitempty"`
	Sight     json.RawMessage `json:"sight,omitempty"`
	Inclusion json.RawMessage `json:"inclusion,omitempty"`
}

// within returns w with the fields that still belong to its objects.
func (in *inner) within(w wire) wireWithin {
	all := wireWithin{wire: w}
	if w.Sight != nil {
		all.Sight = joined(w.Sight, in.sight, true)
	}
	if p := w.Inclusion; p != nil {
		all.Inclusion = joined(p, in.place, p.Number == in.number && p.Hash == in.hash)
	}
	if e := w.LastError; e != nil {
		all.LastError = joined(e, in.lastError, e.At == in.at)
	}
	return all
}

// joined returns an object as JSON, with extra fields if they are its.
func joined(object any, extra string, its bool) json.RawMessage {
	b, err := bus.Encode(object)
	if err != nil { // can't be: strings, numbers and stamps always encode
		return nil
	}
	if !its || extra == "" {
		return b
	}
	if string(b) == "{}" {
		extra = extra[1:]
	}
	return append(append(b[:len(b)-1:len(b)-1], extra...), '}')
}
