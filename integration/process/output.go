package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// output keeps the lines that a process writes.
type output struct {
	mu      sync.Mutex
	lines   []string
	partial []byte
	changed chan struct{} // closed at the next line
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

// Write takes what the process wrote. It never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, p...)
	for {
		line, rest, found := bytes.Cut(o.partial, []byte("\n"))
		if !found {
			break
		}
		o.lines = append(o.lines, string(line))
		o.partial = rest
		close(o.changed)
		o.changed = make(chan struct{})
	}
	return len(p), nil
}

// find returns the first line from index from on that matches, and a channel that closes when there are more.
func (o *output) find(from int, match func(string) bool) (line string, next int, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := from; i < len(o.lines); i++ {
		if match(o.lines[i]) {
			return o.lines[i], i + 1, nil
		}
	}
	return "", len(o.lines), o.changed
}

// wait returns the first line from index from on that matches, and the index after it. It fails when ctx ends, or when the
// process has ended without such a line.
func (o *output) wait(ctx context.Context, ended <-chan struct{}, from int, match func(string) bool) (string, int, error) {
	for {
		line, next, more := o.find(from, match)
		if more == nil {
			return line, next, nil
		}
		from = next
		select {
		case <-more:
		case <-ended:
			if line, next, more = o.find(from, match); more == nil {
				return line, next, nil
			}
			return "", next, errors.New("process: ended without the line waited for")
		case <-ctx.Done():
			return "", next, fmt.Errorf("process: wait for a line: %w", context.Cause(ctx))
		}
	}
}

// tail returns the last n lines.
func (o *output) tail(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := append(o.lines[max(0, len(o.lines)-n):len(o.lines):len(o.lines)], string(o.partial))
	return strings.Join(lines, "\n")
}

// all returns the lines so far.
func (o *output) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines[:len(o.lines):len(o.lines)]
}
