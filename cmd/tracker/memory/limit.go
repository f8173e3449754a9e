package memory

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// limitShare is how much of what the process may have the heap may take; the rest is for what is not Go's.
const limitShare = 0.9

// processLimit returns how many bytes the control groups of the process allow it; false: as many as there are, or nobody knows. It
// knows version 2 of control groups. Root is the file system.
func processLimit(root fs.FS) (bytes int64, ok bool) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(groups)) {
		group, is := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !is {
			continue
		}
		for dir := path.Join("sys/fs/cgroup", path.Clean("/"+group)); dir != "sys/fs"; dir = path.Dir(dir) { // what a parent allows is for all
			if limit, is := groupLimit(root, dir); is && (!ok || limit < bytes) {
				bytes, ok = limit, true
			}
		}
	}
	return bytes, ok
}

func groupLimit(root fs.FS, dir string) (bytes int64, ok bool) {
	text, err := fs.ReadFile(root, path.Join(dir, "memory.max"))
	if err != nil {
		return 0, false
	}
	bytes, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is no number
	return bytes, err == nil
}
