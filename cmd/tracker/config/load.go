package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// Input is where settings come from.
type Input struct {
	Role    Role            // decides the defaults
	File    string          // the configuration file; empty: that of TRACKER_CONFIG, or none
	Environ []string        // as os.Environ gives it
	Flags   map[string]Flag // by key: what was set on the command line
	Kinds   []Kind          // of sources, beside those of [Builtin]
}

// Flag is a flag of the command line as it was given.
type Flag struct {
	Name  string // without dashes
	Value string
}

// Loaded is the settings of one run, and where each came from.
type Loaded struct {
	Settings
	layers []layer
	kinds  kindSet
}

// Load reads the file, merges the layers, decodes and checks them. It fails with [Faults] that hold everything wrong with
// any layer.
func Load(in Input) (*Loaded, error) {
	kinds, faults := newKindSet(in.Kinds)
	file := newLayer()
	if path, origin := in.path(); path != "" {
		var err error
		if file, err = readFile(path); err != nil {
			faults = append(faults, Fault{Message: path + ": " + oneLine(err), Origin: origin})
		}
	}
	env, envFaults := readEnv(in.Environ, file, kinds)
	faults = append(faults, envFaults...)
	out := &Loaded{Settings: Defaults(in.Role), layers: []layer{readNATS(in.Environ), file, env, in.flags()}, kinds: kinds}

	k := koanf.New(".")
	for _, l := range out.layers {
		if err := k.Load(confmap.Provider(l.tree, ""), nil); err != nil {
			return nil, err
		}
	}
	d := decoder{layers: out.layers, kinds: kinds, environ: in.Environ}
	d.settings(k.Raw(), &out.Settings)
	faults = append(faults, d.faults...)
	if names := sortedKeys(out.Sources); out.DefaultSource == "" && len(names) == 1 {
		out.DefaultSource = names[0]
	}
	faults = append(faults, out.check(d.failed)...)
	if len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b Fault) int { return strings.Compare(a.Key, b.Key) })
		return nil, faults
	}
	return out, nil
}

// Origin returns where the value of key came from.
func (l *Loaded) Origin(key string) Origin { return originOf(l.layers, key) }

// path returns the configuration file's path and who named it.
func (in Input) path() (string, Origin) {
	if in.File != "" {
		return in.File, Origin{Layer: LayerFlag, Name: "config"}
	}
	for _, kv := range in.Environ {
		if path, ok := strings.CutPrefix(kv, EnvFile+"="); ok {
			return path, Origin{Layer: LayerEnv, Name: EnvFile}
		}
	}
	return "", Origin{}
}

// flags returns the layer of the command line.
func (in Input) flags() layer {
	out := newLayer()
	for _, key := range sortedKeys(in.Flags) {
		flag := in.Flags[key]
		out.set(strings.Split(key, "."), flag.Value, Origin{Layer: LayerFlag, Name: flag.Name})
	}
	return out
}

// FlagName returns the name that the flag for key has, unless a verb needs that name for something else.
func FlagName(key string) string { return strings.NewReplacer("_", "-", ".", "-").Replace(key) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
