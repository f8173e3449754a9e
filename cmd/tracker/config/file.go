package config

import (
	"fmt"
	"strconv"

	yamlparser "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"go.yaml.in/yaml/v3"
)

// maxFileBytes bounds a configuration file; a bigger one is another file.
const maxFileBytes = 1 << 20

// readFile returns what the YAML file at path sets, with the line of every key.
func readFile(path string) (layer, error) {
	out := newLayer()
	b, err := file.Provider(path).ReadBytes()
	if err != nil {
		return out, err
	}
	if len(b) > maxFileBytes {
		return out, fmt.Errorf("has %d bytes, at most %d are allowed", len(b), maxFileBytes)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return out, err
	}
	if len(doc.Content) == 0 {
		return out, nil
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return out, fmt.Errorf("line %d: the file must hold keys and values", doc.Content[0].Line)
	}
	tree, err := yamlparser.Parser().Unmarshal(b)
	if err != nil {
		return out, err
	}
	out.tree = tree
	lines(doc.Content[0], "", func(key string, line int) {
		out.origins[key] = Origin{Layer: LayerFile, Name: path, Line: line}
	})
	return out, nil
}

// lines calls yield with the path of every node below n and the line that it stands in.
func lines(n *yaml.Node, prefix string, yield func(path string, line int)) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			path := n.Content[i].Value
			if prefix != "" {
				path = prefix + "." + path
			}
			yield(path, n.Content[i].Line)
			lines(n.Content[i+1], path, yield)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			path := prefix + "[" + strconv.Itoa(i) + "]"
			yield(path, item.Line)
			lines(item, path, yield)
		}
	}
}
