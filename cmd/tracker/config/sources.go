package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"trackerfleet/workers/source"
)

// Sources maps the name of a source profile to it.
type Sources map[string]Source

// Source is one source profile: a kind and the settings that it has. The zero Source is none.
type Source struct {
	Kind string

	kind     Kind
	settings reflect.Value // a struct of the kind's own
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// New returns the source of the profile. It starts nothing; its error names every fault.
func (s Source) New() (source.Source, error) {
	if s.kind.build == nil {
		return nil, fmt.Errorf("config: no source of kind %q", s.Kind)
	}
	return s.kind.build(s.settings)
}

// Settings returns a copy of the settings, of the type that the kind was made with; nil of the zero Source.
func (s Source) Settings() any {
	if !s.settings.IsValid() {
		return nil
	}
	return s.settings.Interface()
}

// String returns the kind: the settings may hold secrets.
func (s Source) String() string { return s.Kind }

// GoString returns what String does, so that %#v shows no more.
func (s Source) GoString() string { return s.Kind }

// sources decodes the source profiles; those of the defaults are gone when the settings name any.
func (d *decoder) sources(raw any, dst *Sources) {
	tree, ok := raw.(map[string]any)
	if !ok {
		d.fault("sources", "must hold a profile per name")
		return
	}
	out := Sources{}
	for _, name := range sortedKeys(tree) {
		path := "sources." + name
		if !sourceName.MatchString(name) {
			d.fault(path, "a profile's name is 1 to 64 of A-Z a-z 0-9 _ -")
			continue
		}
		profile, ok := tree[name].(map[string]any)
		if !ok {
			d.fault(path, "must hold the keys of a source, at least kind")
			continue
		}
		if s, ok := d.source(path, profile, (*dst)[name]); ok {
			out[name] = s
		}
	}
	*dst = out
}

// source decodes one profile; before is the default profile of that name, or zero.
func (d *decoder) source(path string, tree map[string]any, before Source) (Source, bool) {
	name, set := tree["kind"].(string)
	switch {
	case tree["kind"] == nil && before.Kind != "":
		name = before.Kind
	case !set:
		d.fault(path, "has no kind; kinds are "+strings.Join(sortedKeys(d.kinds), ", "))
		return before, false
	}
	kind, known := d.kinds[name]
	if !known {
		d.fault(path+".kind", fmt.Sprintf("%q %s", name, unknownKey(name, sortedKeys(d.kinds))))
		return before, false
	}
	if before.Kind != name {
		before = Source{}
	}
	rest := map[string]any{}
	for k, v := range tree {
		if k != "kind" {
			rest[k] = v
		}
	}
	out := kind.profile(before.settings)
	d.structure(path, rest, out.settings)
	return out, true
}

// fault returns the key of the profile and the message of an error of its constructor. The key is "" if the error names none.
func (s Source) fault(err error) (key, message string) {
	rest := err.Error()
	for range maxPrefixes {
		field, message, ok := strings.Cut(rest, ": ")
		if !ok {
			break
		}
		if key := keyOf(s.settings.Type(), field); key != "" {
			return key, message
		}
		rest = message
	}
	return "", err.Error()
}

// maxPrefixes bounds what stands before the field in an error, as in "package: config: field: message".
const maxPrefixes = 3

// keyOf returns the key of struct type t that an error calls field, by keys or by names of Go fields: Endpoints[0].URL is
// endpoints[0].url. It is "" if there is none.
func keyOf(t reflect.Type, field string) string {
	part, below, deeper := strings.Cut(field, ".")
	name, index, listed := strings.Cut(part, "[")
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("koanf")
		if key == noKey || plain(key) != plain(name) && plain(f.Name) != plain(name) {
			continue
		}
		if listed {
			key += "[" + index
		}
		if !deeper {
			return key
		}
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		switch {
		case inner.Kind() == reflect.Map:
			return key + "." + below
		case isGroup(inner):
			if rest := keyOf(inner, below); rest != "" {
				return key + "." + rest
			}
		}
		return key
	}
	return ""
}

// plain returns a name without what keys and Go fields write differently.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
