package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// decoder turns the merged tree into settings and collects what is wrong.
type decoder struct {
	layers  []layer
	kinds   kindSet
	environ []string
	faults  Faults
	bad     map[string]bool // paths with a fault
}

func (d *decoder) fault(path, message string) {
	if d.bad == nil {
		d.bad = map[string]bool{}
	}
	d.bad[path] = true
	d.faults = append(d.faults, Fault{Key: path, Message: message, Origin: originOf(d.layers, path)})
}

// failed reports whether path could not be decoded, so that nothing more need be said of it.
func (d *decoder) failed(path string) bool { return d.bad[path] }

func (d *decoder) settings(tree map[string]any, s *Settings) {
	d.structure("", tree, reflect.ValueOf(s).Elem())
}

// structure decodes tree into the struct dst by its koanf tags and finds fault with keys that dst does not have.
func (d *decoder) structure(path string, tree map[string]any, dst reflect.Value) {
	fields := map[string]int{}
	for i := range dst.NumField() {
		fields[dst.Type().Field(i).Tag.Get("koanf")] = i
	}
	for _, key := range sortedKeys(tree) {
		at := key
		if path != "" {
			at = path + "." + key
		}
		i, ok := fields[key]
		if !ok || key == noKey {
			d.fault(at, unknownKey(key, keysOf(dst.Type())))
			continue
		}
		isURL := dst.Type().Field(i).Tag.Get("secret") == "url"
		d.value(at, tree[key], dst.Field(i), isURL)
	}
}

// value decodes raw into dst.
func (d *decoder) value(path string, raw any, dst reflect.Value, isURL bool) {
	if raw == nil {
		d.fault(path, "has no value; leave the key out to get the default")
		return
	}
	switch out := dst.Addr().Interface().(type) {
	case *Sources:
		d.sources(raw, out)
		return
	case *Secret:
		d.secret(path, raw, out, isURL)
		return
	case *time.Duration:
		d.duration(path, raw, out)
		return
	case *time.Time:
		d.time(path, raw, out)
		return
	case *[]Endpoint:
		d.endpoints(path, raw, out)
		return
	case *[]string:
		d.words(path, raw, out)
		return
	case *[]time.Duration:
		d.durations(path, raw, out)
		return
	case *[]URL:
		d.urls(path, raw, out)
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		tree, ok := raw.(map[string]any)
		if !ok {
			d.fault(path, "must hold keys: "+strings.Join(keysOf(dst.Type()), ", "))
			return
		}
		d.structure(path, tree, dst)
	case reflect.Map:
		d.secrets(path, raw, dst.Addr().Interface().(*map[string]Secret))
	default:
		d.scalar(path, raw, dst)
	}
}

// scalar decodes strings, booleans and numbers. Text, as flags and environment have it, is parsed; a string must be one.
func (d *decoder) scalar(path string, raw any, dst reflect.Value) {
	if dst.Kind() == reflect.String {
		s, ok := raw.(string)
		if !ok {
			d.fault(path, fmt.Sprintf("%v is not text; put it in quotes", raw))
			return
		}
		dst.SetString(s)
		return
	}
	text := strings.TrimSpace(fmt.Sprint(raw))
	var err error
	var want string
	switch dst.Kind() {
	case reflect.Bool:
		var v bool
		v, err = strconv.ParseBool(text)
		want = "true or false"
		dst.SetBool(v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var v int64
		v, err = strconv.ParseInt(text, 10, dst.Type().Bits())
		want = "a whole number"
		dst.SetInt(v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var v uint64
		v, err = strconv.ParseUint(text, 10, dst.Type().Bits())
		want = "a whole number of 0 or more"
		dst.SetUint(v)
	case reflect.Float32, reflect.Float64:
		var v float64
		v, err = strconv.ParseFloat(text, dst.Type().Bits())
		want = "a number"
		dst.SetFloat(v)
	default:
		panic("config: no decoder for " + dst.Type().String() + " at " + path)
	}
	if err != nil {
		d.fault(path, fmt.Sprintf("%q is not %s", text, want))
	}
}

func (d *decoder) duration(path string, raw any, out *time.Duration) {
	switch v := raw.(type) {
	case time.Duration:
		*out = v
	case string:
		parsed, err := time.ParseDuration(strings.TrimSpace(v))
		if err != nil {
			d.fault(path, fmt.Sprintf("%q is not a duration such as 500ms, 3s or 1h30m", v))
			return
		}
		*out = parsed
	case int, float64, uint64:
		d.fault(path, fmt.Sprintf("%v has no unit; write %vs for seconds", v, v))
	default:
		d.fault(path, "is not a duration such as 500ms, 3s or 1h30m")
	}
}

func (d *decoder) time(path string, raw any, out *time.Time) {
	switch v := raw.(type) {
	case time.Time:
		*out = v
	case string:
		if v == "" { // as no time is printed
			*out = time.Time{}
			return
		}
		parsed, err := time.Parse(time.RFC3339, v)
		if err != nil {
			d.fault(path, fmt.Sprintf("%q is not a time such as 2026-01-02T15:04:05Z", v))
			return
		}
		*out = parsed
	default:
		d.fault(path, "is not a time such as 2026-01-02T15:04:05Z")
	}
}

func (d *decoder) urls(path string, raw any, out *[]URL) {
	items, ok := texts(raw)
	if !ok {
		d.fault(path, "must be a URL, or a list of them")
		return
	}
	*out = (*out)[:0:0]
	for _, item := range items {
		*out = append(*out, URL(item))
	}
}

func (d *decoder) endpoints(path string, raw any, out *[]Endpoint) {
	*out = nil
	if s, ok := raw.(string); ok {
		items, _ := texts(s)
		for _, item := range items {
			*out = append(*out, Endpoint{URL: Secret{value: item, isURL: true}})
		}
		return
	}
	items, ok := raw.([]any)
	if !ok {
		d.fault(path, "must be a list of endpoints, each with a url")
		return
	}
	for i, item := range items {
		at := path + "[" + strconv.Itoa(i) + "]"
		var e Endpoint
		switch v := item.(type) {
		case string:
			e.URL = Secret{value: v, isURL: true}
		case map[string]any:
			d.structure(at, v, reflect.ValueOf(&e).Elem())
		default:
			d.fault(at, "must be a URL or hold keys: "+strings.Join(keysOf(reflect.TypeFor[Endpoint]()), ", "))
			continue
		}
		*out = append(*out, e)
	}
}

// texts returns the items of a list of strings, or of one string with commas or line ends between them.
func texts(raw any) ([]string, bool) {
	switch v := raw.(type) {
	case string:
		return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == '\n' || r == ' ' || r == '\r' }), true
	case []string:
		return v, true
	case []any:
		out := make([]string, 0, len(v))
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	}
	return nil, false
}
