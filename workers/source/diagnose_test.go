package source

import "testing"

func TestWorst(t *testing.T) {
	for _, tt := range []struct {
		name     string
		findings []Finding
		want     Severity
	}{
		{"nothing found", nil, OK},
		{"all well", []Finding{{}, {}}, OK},
		{"a fault before a warning", []Finding{{}, {Severity: Faulty}, {Severity: Warning}}, Faulty},
		{"a warning", []Finding{{Severity: Warning}, {}}, Warning},
	} {
		if got := Worst(tt.findings); got != tt.want {
			t.Errorf("%s: worst is %s, want %s", tt.name, got, tt.want)
		}
	}
}
