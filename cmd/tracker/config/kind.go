package config

import (
	"errors"
	"fmt"
	"reflect"

	"trackerfleet/workers/source"
)

// Kind is a kind of sources: its name in the file, the settings that its profiles have, and what makes a source of them. Those of
// [Builtin] are always there; [Input] may bring more. The zero Kind is none.
type Kind struct {
	name     string
	defaults reflect.Value // a struct
	build    func(settings reflect.Value) (source.Source, error)
}

// NewKind returns the kind called name. A profile begins as a copy of defaults; every field of S is a key of it, called by the koanf
// tag and described by the doc tag, which says the unit of a bare number; a field tagged koanf:"-" is no setting. Fields may be text,
// numbers, booleans, [time.Duration], [time.Time], [Secret], [URL], structs of all these, lists of text or durations, and maps of
// text to [Secret].
//
// build checks settings and makes a source of them, which it does not start. It may be called more than once with the same settings.
// Its error may be joined of many; what it says as "field: message", with anything before, is told with the key and the line of that
// field, whose name may be the key or that of the Go field.
//
// NewKind panics if name is no word, if defaults has none of its settings' types, or if a tag is missing: mistakes of a program, not
// of its users.
func NewKind[S any, T source.Source](name string, defaults S, build func(S) (T, error)) Kind {
	v := reflect.ValueOf(defaults)
	if !sourceName.MatchString(name) {
		panic(fmt.Sprintf("config: a kind's name is 1 to 64 of A-Z a-z 0-9 _ -, not %q", name))
	}
	if err := errors.Join(usable(v.Type(), name), once(v.Type(), name)); err != nil {
		panic("config: settings of kind " + err.Error())
	}
	return Kind{name: name, defaults: v, build: func(settings reflect.Value) (source.Source, error) {
		s, err := build(settings.Interface().(S))
		if err != nil { // the nil of a constructor that failed must not become a source
			return nil, err
		}
		return s, nil
	}}
}

// Name returns what profiles of the kind have as their kind.
func (k Kind) Name() string { return k.name }

// profile returns a profile with these settings, or with the kind's defaults if they are of another kind.
func (k Kind) profile(settings reflect.Value) Source {
	own := reflect.New(k.defaults.Type()).Elem()
	own.Set(k.defaults)
	if settings.IsValid() && settings.Type() == own.Type() {
		own.Set(settings)
	}
	return Source{Kind: k.name, kind: k, settings: own}
}

// usable returns what keeps fields of t from being settings.
func usable(t reflect.Type, path string) error {
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("%s: %v is no struct", path, t)
	}
	var faults []error
	for i := range t.NumField() {
		f := t.Field(i)
		at, key := path+"."+f.Name, f.Tag.Get("koanf")
		switch {
		case key == noKey:
		case !f.IsExported():
			faults = append(faults, fmt.Errorf("%s: is not exported; tag it koanf:\"-\" if it is no setting", at))
		case !keyName.MatchString(key):
			faults = append(faults, fmt.Errorf("%s: needs a koanf tag of a-z 0-9 _ that begins with a letter, it has %q", at, key))
		case isGroup(f.Type):
			faults = append(faults, usable(f.Type, at))
		case !decodable(f.Type):
			faults = append(faults, fmt.Errorf("%s: %v can be no setting", at, f.Type))
		case f.Tag.Get("doc") == "":
			faults = append(faults, fmt.Errorf("%s: needs a doc tag", at))
		}
	}
	return errors.Join(faults...)
}

// once returns which of the keys of t, a kind's settings, are there twice, or are what every profile has.
func once(t reflect.Type, path string) error {
	if t.Kind() != reflect.Struct {
		return nil // usable says so
	}
	var faults []error
	seen := map[string]bool{"kind": true}
	for i := range t.NumField() {
		key := t.Field(i).Tag.Get("koanf")
		if key != noKey && seen[key] {
			faults = append(faults, fmt.Errorf("%s.%s: the key %s is taken", path, t.Field(i).Name, key))
		}
		seen[key] = true
	}
	return errors.Join(faults...)
}

// kindSet is the kinds that there are, by name.
type kindSet map[string]Kind

// newKindSet returns the built-in kinds and more. It finds fault with names that are taken; the first kind of a name stays.
func newKindSet(more []Kind) (kindSet, Faults) {
	out, faults := kindSet{}, Faults(nil)
	for _, k := range append(Builtin(), more...) {
		if _, taken := out[k.name]; taken {
			faults = append(faults, Fault{Message: "two kinds of sources are called " + k.name})
			continue
		}
		out[k.name] = k
	}
	return out, faults
}
