package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"trackerfleet/workers/simulated"
)

// sourceKinds maps the kinds to the keys they have.
var sourceKinds = map[string]reflect.Type{
	KindEthereum:  reflect.TypeFor[Ethereum](),
	KindHTTP:      reflect.TypeFor[HTTP](),
	KindSimulated: reflect.TypeFor[simulated.Config](),
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

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
	out := before
	kind, set := tree["kind"].(string)
	switch {
	case tree["kind"] == nil && before.Kind != "":
		kind = before.Kind
	case !set:
		d.fault(path, "has no kind; "+knownKinds())
		return out, false
	}
	rest := map[string]any{}
	for k, v := range tree {
		if k != "kind" {
			rest[k] = v
		}
	}
	switch kind {
	case KindEthereum:
		out = Source{Kind: kind, Ethereum: &Ethereum{}}
		d.structure(path, rest, reflect.ValueOf(out.Ethereum).Elem())
	case KindHTTP:
		out = Source{Kind: kind, HTTP: newHTTP()}
		d.structure(path, rest, reflect.ValueOf(out.HTTP).Elem())
	case KindSimulated:
		out = Source{Kind: kind, Simulated: &simulated.Config{}}
		if before.Simulated != nil {
			*out.Simulated = *before.Simulated
		}
		d.structure(path, rest, reflect.ValueOf(out.Simulated).Elem())
	default:
		d.fault(path+".kind", fmt.Sprintf("%q %s", kind, unknownKey(kind, sortedKeys(sourceKinds))))
		return out, false
	}
	return out, true
}

func knownKinds() string { return "kinds are " + strings.Join(sortedKeys(sourceKinds), ", ") }
