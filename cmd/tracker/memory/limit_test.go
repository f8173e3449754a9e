package memory

import (
	"testing"
	"testing/fstest"
)

// TestLimitIsTheLowestOfTheControlGroups: a container's own, or the one of what it is in.
func TestLimitIsTheLowestOfTheControlGroups(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, given := range map[string]struct {
		files fstest.MapFS
		want  int64 // 0: none
	}{
		"no control groups": {fstest.MapFS{}, 0},
		"version 1":         {fstest.MapFS{"proc/self/cgroup": file("4:memory:/a\n")}, 0},
		"in a container": {fstest.MapFS{
			"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1073741824\n"),
		}, 1 << 30},
		"of a service": {fstest.MapFS{
			"proc/self/cgroup":                                      file("0::/system.slice/tracker.service\n"),
			"sys/fs/cgroup/system.slice/memory.max":                 file("2147483648\n"),
			"sys/fs/cgroup/system.slice/tracker.service/memory.max": file("4294967296\n"),
		}, 2 << 30},
		"without a limit": {fstest.MapFS{
			"proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/a/memory.max": file("max\n"),
		}, 0},
		"outside of what is mounted": {fstest.MapFS{"proc/self/cgroup": file("0::/../../b\n")}, 0},
	} {
		if got, ok := processLimit(given.files); got != given.want || ok != (given.want != 0) {
			t.Errorf("%s: %d, %v, want %d", name, got, ok, given.want)
		}
	}
}
