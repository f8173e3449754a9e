package supervision

import (
	"fmt"
	"runtime"
	"strings"
)

// Stack is where a goroutine was. It is cheap to keep, also a million times, and formatted when asked.
type Stack struct {
	frames []uintptr
	text   string
}

const maxFrames = 32

// callers returns the stack of the caller without skip frames below it.
func callers(skip int) Stack {
	var buf [maxFrames]uintptr
	n := runtime.Callers(skip+2, buf[:])
	return Stack{frames: append([]uintptr(nil), buf[:n]...)}
}

// IsZero reports whether there is no stack.
func (s Stack) IsZero() bool { return s.text == "" && len(s.frames) == 0 }

// String formats the stack as a panic does, innermost function first; at most 32 of them.
func (s Stack) String() string {
	if s.text != "" || len(s.frames) == 0 {
		return s.text
	}
	var b strings.Builder
	frames := runtime.CallersFrames(s.frames)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return b.String()
		}
	}
}

// stackOf returns the stack carried by a reason.
func stackOf(reason error) Stack {
	switch e := reason.(type) {
	case *PanicError:
		return e.Stack
	case *GoexitError:
		return e.Stack
	}
	return Stack{}
}
