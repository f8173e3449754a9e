package config

import (
	"fmt"
	"strings"
)

func (d *decoder) secrets(path string, raw any, out *map[string]Secret) {
	tree, ok := raw.(map[string]any)
	if !ok {
		d.fault(path, "must hold a value per name")
		return
	}
	*out = map[string]Secret{}
	for _, name := range sortedKeys(tree) {
		var s Secret
		d.secret(path+"."+name, tree[name], &s, false)
		(*out)[name] = s
	}
}

// inFile is a secret given by the path of its file.
type inFile string

// secret decodes a value that is written out, or one of {from_env: NAME} and {from_file: PATH}.
func (d *decoder) secret(path string, raw any, out *Secret, isURL bool) {
	switch v := raw.(type) {
	case string:
		*out = Secret{value: v, isURL: isURL}
		return
	case inFile:
		raw = map[string]any{"from_file": string(v)}
	}
	tree, ok := raw.(map[string]any)
	if !ok || len(tree) != 1 {
		d.fault(path, "must be text, {from_env: NAME} or {from_file: PATH}")
		return
	}
	for how, where := range tree {
		name, _ := where.(string)
		switch how {
		case "from_env":
			d.fromEnv(path, name, isURL, out)
		case "from_file":
			value, err := readSecret(name)
			if err != nil {
				d.fault(path, err.Error())
				return
			}
			*out = Secret{value: value, from: "from_file: " + name, file: name, isURL: isURL}
		default:
			d.fault(path+"."+how, unknownKey(how, []string{"from_env", "from_file"}))
		}
	}
}

func (d *decoder) fromEnv(path, name string, isURL bool, out *Secret) {
	for _, kv := range d.environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok && name != "" && v != "" {
			*out = Secret{value: v, from: "from_env: " + name, isURL: isURL}
			return
		}
	}
	d.fault(path, fmt.Sprintf("the environment variable %q that it is read from is not set", name))
}
