package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Entry is one setting as it may be shown: secrets are redacted.
type Entry struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Doc    string `json:"doc,omitempty"`
	Origin Origin `json:"origin"`
}

// Entries returns every setting in the order of the file.
func (l *Loaded) Entries() []Entry {
	out := l.entries("", reflect.ValueOf(l.Settings))
	for _, name := range sortedKeys(l.Sources) {
		path := "sources." + name
		out = append(out, l.profile(path, l.Sources[name])...)
	}
	return out
}

// KindEntries returns the entries of a profile of each kind that sets nothing, called as its kind.
func (l *Loaded) KindEntries() []Entry {
	var out []Entry
	for _, name := range sortedKeys(l.kinds) {
		unset := Loaded{} // nothing of it comes from anywhere
		out = append(out, unset.profile("sources."+name, l.kinds[name].profile(reflect.Value{}))...)
	}
	return out
}

func (l *Loaded) profile(path string, s Source) []Entry {
	kind := Entry{Key: path + ".kind", Value: s.Kind, Doc: "what kind of source it is", Origin: l.Origin(path + ".kind")}
	return append([]Entry{kind}, l.entries(path+".", s.settings)...)
}

func (l *Loaded) entries(prefix string, v reflect.Value) []Entry {
	var out []Entry
	for i := range v.NumField() {
		f, key := v.Field(i), prefix+v.Type().Field(i).Tag.Get("koanf")
		if key == prefix+noKey {
			continue
		}
		doc := v.Type().Field(i).Tag.Get("doc")
		switch x := f.Interface().(type) {
		case Sources:
		case []Endpoint:
			if len(x) == 0 {
				out = append(out, Entry{Key: key, Value: []string{}, Doc: doc, Origin: l.Origin(key)})
			}
			for j := range x {
				out = append(out, l.entries(key+"["+strconv.Itoa(j)+"].", f.Index(j))...)
			}
		case map[string]Secret:
			if len(x) == 0 {
				out = append(out, Entry{Key: key, Value: map[string]string{}, Doc: doc, Origin: l.Origin(key)})
			}
			for _, name := range sortedKeys(x) {
				out = append(out, Entry{Key: key + "." + name, Value: shown(x[name]), Origin: l.Origin(key + "." + name)})
			}
		default:
			if isGroup(f.Type()) {
				out = append(out, l.entries(key+".", f)...)
				continue
			}
			out = append(out, Entry{Key: key, Value: shown(x), Doc: doc, Origin: l.Origin(key)})
		}
	}
	return out
}

// shown returns a setting's value in the form the file has it.
func shown(v any) any {
	switch x := v.(type) {
	case time.Duration:
		return x.String()
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.Format(time.RFC3339)
	case Secret:
		if how, where, ok := strings.Cut(x.from, ": "); ok {
			return map[string]string{how: where}
		}
		return x.String()
	case []time.Duration:
		out := make([]string, len(x))
		for i, d := range x {
			out[i] = d.String()
		}
		return out
	case []URL:
		out := make([]string, len(x))
		for i, u := range x {
			out[i] = u.String()
		}
		return strings.Join(out, ",")
	}
	return v
}

// YAML returns the entries as a file with a comment behind each value: what it means, or where it came from.
func YAML(entries []Entry, origin bool) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range entries {
		value := &yaml.Node{}
		if err := value.Encode(e.Value); err != nil {
			return nil, fmt.Errorf("config: writing %s: %w", e.Key, err)
		}
		if value.Kind != yaml.ScalarNode { // the comment behind a list of lines would go to what follows
			value.Style = yaml.FlowStyle
		}
		value.LineComment = e.Doc
		if origin {
			value.LineComment = e.Origin.String()
		}
		place(root, strings.Split(strings.ReplaceAll(e.Key, "[", ".["), "."), value)
	}
	return yaml.Marshal(root)
}

// place puts value at path below n; a part such as [0] is an item of a list.
func place(n *yaml.Node, path []string, value *yaml.Node) {
	child := childOf(n, path[0])
	if len(path) == 1 {
		*child = *value
		return
	}
	if child.Kind == 0 {
		child.Kind = yaml.MappingNode
		if strings.HasPrefix(path[1], "[") {
			child.Kind = yaml.SequenceNode
		}
	}
	place(child, path[1:], value)
}

// childOf returns the child of n called name, which is made if it is not there.
func childOf(n *yaml.Node, name string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		i, _ := strconv.Atoi(strings.Trim(name, "[]"))
		for len(n.Content) <= i {
			n.Content = append(n.Content, &yaml.Node{})
		}
		return n.Content[i]
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	child := &yaml.Node{}
	key := &yaml.Node{}
	key.SetString(name)
	n.Content = append(n.Content, key, child)
	return child
}
