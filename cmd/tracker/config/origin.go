package config

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Layer is a place settings come from; a later one wins over an earlier one.
type Layer int

// The layers.
const (
	LayerDefault Layer = iota
	LayerNATS          // NATS_URL and its kin, shared with other NATS programs
	LayerFile
	LayerEnv
	LayerFlag
)

// Origin says where a setting came from. The zero Origin is the default.
type Origin struct {
	Layer Layer
	Name  string // of the flag, the variable or the file
	Line  int    // in the file, from 1; 0 unknown
}

// String returns the origin as a person would look for it.
func (o Origin) String() string {
	switch o.Layer {
	case LayerFlag:
		return "flag --" + o.Name
	case LayerEnv, LayerNATS:
		return "env " + o.Name
	case LayerFile:
		if o.Line > 0 {
			return o.Name + ":" + strconv.Itoa(o.Line)
		}
		return o.Name
	}
	return "default"
}

// MarshalJSON writes what String returns.
func (o Origin) MarshalJSON() ([]byte, error) { return json.Marshal(o.String()) }

// layer is what one place sets: the tree of its values and where each path of it stands.
type layer struct {
	tree    map[string]any
	origins map[string]Origin
}

func newLayer() layer { return layer{tree: map[string]any{}, origins: map[string]Origin{}} }

// set puts value at the path whose parts are given, replacing what is in the way.
func (l layer) set(parts []string, value any, o Origin) {
	at := l.tree
	for _, part := range parts[:len(parts)-1] {
		next, ok := at[part].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[part] = next
		}
		at = next
	}
	at[parts[len(parts)-1]] = value
	l.origins[strings.Join(parts, ".")] = o
}

// originOf returns where the value at path came from: the highest layer that sets it or the list that it is in.
func originOf(layers []layer, path string) Origin {
	for i := len(layers) - 1; i >= 0; i-- {
		if o, ok := layers[i].origins[path]; ok {
			return o
		}
		for p := path; ; {
			cut := strings.LastIndexAny(p, ".[")
			if cut < 0 {
				break
			}
			p = p[:cut]
			if o, ok := layers[i].origins[p]; ok && !isMap(layers[i].tree, p) {
				return o
			}
		}
	}
	return Origin{}
}

// isMap reports whether the tree holds a map at path, so that another layer may set what is below it.
func isMap(tree map[string]any, path string) bool {
	at := any(tree)
	for part := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return false
		}
		at = m[part]
	}
	_, ok := at.(map[string]any)
	return ok
}
