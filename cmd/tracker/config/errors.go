package config

import (
	"errors"
	"strconv"
	"strings"
)

// ErrInvalid is what every error of [Load] is.
var ErrInvalid = errors.New("config: invalid")

// Fault is one thing wrong with one key.
type Fault struct {
	Key     string `json:"key"`
	Message string `json:"message"`
	Origin  Origin `json:"origin"`
}

// Error returns key, message and origin in one line.
func (f Fault) Error() string {
	if f.Key == "" {
		return f.Message + " (" + f.Origin.String() + ")"
	}
	return f.Key + ": " + f.Message + " (" + f.Origin.String() + ")"
}

// Faults is everything that is wrong; it Is [ErrInvalid].
type Faults []Fault

// Error returns a line for each fault.
func (fs Faults) Error() string {
	if len(fs) == 1 {
		return "config: " + fs[0].Error()
	}
	var b strings.Builder
	b.WriteString("config: " + strconv.Itoa(len(fs)) + " faults")
	for _, f := range fs {
		b.WriteString("\n  " + f.Error())
	}
	return b.String()
}

// Is reports whether target is [ErrInvalid].
func (fs Faults) Is(target error) bool { return target == ErrInvalid }
