package bus

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxFaults bounds the faults that one answer names; the last one then says how many were left out.
	maxFaults = 64
	// maxMessageBytes and maxFieldBytes bound the texts of an answer, which quote what somebody sent.
	maxMessageBytes = 512
	maxFieldBytes   = 160
)

// faults collects everything that is wrong with one request. The zero value is empty and usable.
type faults struct {
	list  []Fault
	left  int // faults beyond maxFaults
	sizes int // how many of all are about size
}

// add notes that the field at path is wrong.
func (f *faults) add(path, format string, args ...any) {
	if len(f.list) >= maxFaults {
		f.left++
		return
	}
	f.list = append(f.list, Fault{Field: clip(path, maxFieldBytes), Message: clip(fmt.Sprintf(format, args...), maxMessageBytes)})
}

// addSize notes that the field at path is too large.
func (f *faults) addSize(path, format string, args ...any) {
	f.sizes++
	f.add(path, format, args...)
}

// err returns nil if nothing is wrong. The error is [ErrTooLarge] if size is all that is wrong, otherwise [ErrInvalid].
func (f *faults) err() *Error {
	if len(f.list) == 0 {
		return nil
	}
	code := CodeInvalid
	if f.sizes == len(f.list)+f.left {
		code = CodeTooLarge
	}
	all := f.list
	if f.left > 0 {
		all = append(all[:len(all):len(all)], Fault{Message: fmt.Sprintf("%d more faults", f.left)})
	}
	return faulty(code, all)
}

// child returns the path of the member called name of the object at path.
func child(path, name string) string {
	shown := clip(name, maxFieldBytes/2)
	if !identifier(shown) {
		return path + "[" + strconv.Quote(shown) + "]"
	}
	if path == "" {
		return shown
	}
	return path + "." + shown
}

// element returns the path of element i of the array at path.
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func identifier(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '_' && r != '-'
	}) < 0
}

// clip returns s cut at a rune to at most n bytes; a cut text ends in "…".
func clip(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	cut := n - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}
