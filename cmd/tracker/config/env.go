package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
)

const (
	envPrefix = "TRACKER_"
	// EnvFile names the variable that holds the path of the configuration file.
	EnvFile = "TRACKER_CONFIG"
)

// natsVariables are the variables that NATS programs share, and what they set here.
var natsVariables = map[string]string{
	"NATS_URL": "server", "NATS_CREDS": "creds", "NATS_CONTEXT": "context",
	"NATS_USER": "user", "NATS_PASSWORD": "password", "NATS_NKEY": "nkey",
}

// serviceLink matches the variables that Kubernetes sets in every container for a service named tracker.
var serviceLink = regexp.MustCompile(`^TRACKER_(SERVICE_(HOST|PORT.*)|PORT_\d+_(TCP|UDP|SCTP).*|PORT=[a-z]+://.*)`)

// readNATS returns what NATS_URL and its kin set.
func readNATS(environ []string) layer {
	out := newLayer()
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if key, ok := natsVariables[name]; ok && value != "" {
			out.set([]string{key}, value, Origin{Layer: LayerNATS, Name: name})
		}
	}
	return out
}

// readEnv returns what TRACKER_* variables set. Names of source profiles in file tell how the names inside of variables
// are written.
func readEnv(environ []string, file layer, kinds kindSet) (layer, Faults) {
	out, faults := newLayer(), Faults(nil)
	keys := newEnvNames(file, kinds)
	provider := env.Provider("", env.Opt{
		Prefix:        envPrefix,
		EnvironFunc:   func() []string { return slices.DeleteFunc(slices.Clone(environ), serviceLink.MatchString) },
		TransformFunc: func(name, value string) (string, any) { return name, value },
	})
	set, _ := provider.Read()
	for _, name := range sortedKeys(set) {
		origin := Origin{Layer: LayerEnv, Name: name}
		value, _ := set[name].(string)
		parts, ok := keys.path(name)
		if !ok && name != EnvFile {
			parts, content, fault := keys.secretFile(name, value, set)
			if fault != nil {
				fault.Origin = origin
				faults = append(faults, *fault)
				continue
			}
			out.set(parts, content, origin)
			continue
		}
		if name != EnvFile {
			out.set(parts, value, origin)
		}
	}
	return out, faults
}

// secretFile returns the key that the variable called name, which ends in _FILE, sets and the content of its file: of a single
// secret where it is, to be read again later.
func (n envNames) secretFile(name, path string, set map[string]any) (parts []string, content any, fault *Fault) {
	base, isFile := strings.CutSuffix(name, "_FILE")
	parts, ok := n.path(base)
	if !isFile || !ok {
		return nil, nil, &Fault{Message: name + " " + unknownKey(name, n.names())}
	}
	key := strings.Join(parts, ".")
	if !n.leaf(parts).secret {
		return nil, nil, &Fault{Key: key, Message: "is not a secret; set " + base}
	}
	if _, both := set[base]; both {
		return nil, nil, &Fault{Key: key, Message: "is set by " + base + " too; leave one out"}
	}
	text, err := readSecret(path)
	switch {
	case err != nil:
		return nil, nil, &Fault{Key: key, Message: err.Error()}
	case n.leaf(parts).single:
		return parts, inFile(path), nil
	}
	return parts, text, nil
}

// envNames maps names of variables, without prefix, to keys.
type envNames struct {
	static map[string]leaf // whole names
	source map[string]leaf // what follows the name of a profile

	profiles map[string]any // by the name the file has
}

func newEnvNames(file layer, kinds kindSet) envNames {
	n := envNames{static: map[string]leaf{}, source: map[string]leaf{"KIND": {path: "kind"}}}
	n.profiles, _ = file.tree["sources"].(map[string]any)
	for _, l := range leavesOf(reflect.TypeFor[Settings](), "") {
		n.static[envName(l.path)] = l
	}
	for _, k := range kinds {
		for _, l := range leavesOf(k.defaults.Type(), "") {
			l.secret = l.secret || n.source[envName(l.path)].secret // kinds may share a key
			n.source[envName(l.path)] = l
		}
	}
	return n
}

// path returns the parts of the key that the variable called name sets.
func (n envNames) path(name string) (parts []string, ok bool) {
	name = strings.TrimPrefix(name, envPrefix)
	if l, ok := n.static[name]; ok {
		return strings.Split(l.path, "."), true
	}
	rest, ok := strings.CutPrefix(name, "SOURCES_")
	if !ok {
		return nil, false
	}
	longest := ""
	for suffix := range n.source {
		if strings.HasSuffix(rest, "_"+suffix) && len(suffix) > len(longest) {
			longest = suffix
		}
	}
	profile := strings.TrimSuffix(rest, "_"+longest)
	if longest == "" || profile == "" {
		return nil, false
	}
	known := strings.ToLower(profile)
	for p := range n.profiles {
		if envName(p) == profile {
			known = p
		}
	}
	return append([]string{"sources", known}, strings.Split(n.source[longest].path, ".")...), true
}

// leaf returns what the key of parts, as path returns them, is.
func (n envNames) leaf(parts []string) leaf {
	if parts[0] == "sources" {
		return n.source[envName(strings.Join(parts[2:], "."))]
	}
	return n.static[envName(strings.Join(parts, "."))]
}

// names returns the names of all variables, those of keys of the profiles in the file included.
func (n envNames) names() []string {
	out := make([]string, 0, len(n.static))
	for name := range n.static {
		out = append(out, envPrefix+name)
	}
	for profile := range n.profiles {
		for suffix := range n.source {
			out = append(out, envPrefix+"SOURCES_"+envName(profile)+"_"+suffix)
		}
	}
	return out
}

// envName returns a key as it is written in a variable's name.
func envName(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
}
