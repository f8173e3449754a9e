package config

import (
	"fmt"
	"os"
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

// secret decodes a value that is written out, or one of {from_env: NAME} and {from_file: PATH}.
func (d *decoder) secret(path string, raw any, out *Secret, isURL bool) {
	if v, ok := raw.(string); ok {
		*out = Secret{value: v, isURL: isURL}
		return
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
			b, err := os.ReadFile(name)
			if err != nil {
				d.fault(path, err.Error())
				return
			}
			*out = Secret{value: strings.TrimSpace(string(b)), from: "from_file: " + name, isURL: isURL}
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
