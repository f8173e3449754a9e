package bus

// startEncoder makes bodies of starts. The zero value is ready; bodies share the memory that it asks for.
type startEncoder struct {
	reader *startReader // nil before the first
	room   []byte       // behind the last body
}

// startsRoom is what an encoder asks for at a time once it has made a body: most take some hundred bytes.
const startsRoom = 32 << 10

// encode returns the body of r after it went through the decoder that the fleet has, so that what would be rejected later fails here.
func (e *startEncoder) encode(r StartRequest) ([]byte, error) {
	if cap(e.room) < encodedRoom {
		room := startsRoom
		if e.reader == nil {
			room = encodedRoom
		}
		e.room = make([]byte, 0, room)
	}
	body, err := r.AppendJSON(e.room)
	if err != nil {
		return nil, Invalid(Fault{Message: err.Error()})
	}
	if err := e.check(body); err != nil {
		return nil, err
	}
	if e.room = nil; cap(body)-len(body) >= encodedRoom {
		e.room = body[len(body):]
	}
	return body[:len(body):len(body)], nil
}

func (e *startEncoder) check(body []byte) error {
	if e.reader == nil {
		e.reader = newStartReader()
	}
	var f faults
	switch {
	case len(body) > MaxBodyBytes:
		f.addSize("", "body has %d bytes, at most %d are allowed", len(body), MaxBodyBytes)
	case checkText(&f, body):
		_, err := e.reader.read("", body)
		return asError(err)
	}
	return asError(f.err())
}
