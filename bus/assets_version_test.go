package bus

import "testing"

func TestVersionAtLeast(t *testing.T) {
	for version, want := range map[string]bool{
		"2.14.4": true, "2.14.10": true, "2.15.0": true, "3.0.0": true, "2.15.0-RC.1": true, "2.14.4-dev": true,
		"2.14.3": false, "2.9.25": false, "1.99.99": false, "": false, "2.14": false, "x.y.z": false,
	} {
		if got := versionAtLeast(version, MinServerVersion); got != want {
			t.Errorf("%q: got %v, want %v", version, got, want)
		}
	}
}
