package config

import (
	"strconv"
	"time"
)

// words decodes a list of texts.
func (d *decoder) words(path string, raw any, out *[]string) {
	items, ok := texts(raw)
	if !ok {
		d.fault(path, "must be a list of texts; put each that is a number in quotes")
		return
	}
	*out = items
}

// durations decodes a list of durations.
func (d *decoder) durations(path string, raw any, out *[]time.Duration) {
	items, isList := raw.([]any)
	if s, ok := raw.(string); ok {
		words, _ := texts(s)
		for _, word := range words {
			items = append(items, word)
		}
		isList = true
	}
	if !isList {
		d.fault(path, "must be a list of durations, such as [5s, 1m, 15m]")
		return
	}
	*out = make([]time.Duration, len(items))
	for i, item := range items {
		d.duration(path+"["+strconv.Itoa(i)+"]", item, &(*out)[i])
	}
}
