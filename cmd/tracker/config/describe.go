package config

import (
	"fmt"
	"reflect"
)

// Description is what can be said of a key before anything is loaded.
type Description struct {
	Doc     string
	Default string // of the role; empty when nothing is set
	Bool    bool   // a flag for it needs no value
}

// Describe returns the description of key, which must be one of [Settings] outside sources.
func Describe(role Role, key string) Description {
	l := &Loaded{Settings: Defaults(role)}
	for _, e := range l.entries("", reflect.ValueOf(l.Settings)) {
		if e.Key != key {
			continue
		}
		_, isBool := e.Value.(bool)
		d := Description{Doc: e.Doc, Default: fmt.Sprint(e.Value), Bool: isBool}
		if isBool && d.Default == "false" {
			d.Default = ""
		}
		return d
	}
	panic("config: no key " + key)
}
