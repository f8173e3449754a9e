package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"trackerfleet/workers"
)

// Check is one line of /readyz.
type Check struct {
	Name  string `json:"name"` // worker/check
	Ready bool   `json:"ready"`
	Error string `json:"error,omitempty"`
}

// Report is the body of /readyz as JSON.
type Report struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// Report returns the checks of all members.
func (s *Server) Report() Report {
	s.mu.Lock()
	members, expected := s.members, s.expected
	s.mu.Unlock()
	r := Report{Ready: len(members) >= expected, Checks: []Check{}}
	if !r.Ready {
		r.Checks = append(r.Checks, Check{Name: "start", Error: fmt.Sprintf("%d of %d workers are there", len(members), expected)})
	}
	for _, m := range members {
		for _, c := range m.Ready() {
			r.add(m.Name(), c)
		}
	}
	return r
}

func (r *Report) add(worker string, c workers.Check) {
	check := Check{Name: worker + "/" + c.Name, Ready: c.Err == nil}
	if c.Err != nil {
		check.Error = c.Err.Error()
		r.Ready = false
	}
	r.Checks = append(r.Checks, check)
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	report := s.Report()
	code := http.StatusOK
	if !report.Ready {
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(report) // the caller has gone
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	for _, c := range report.Checks {
		if c.Ready {
			fmt.Fprintf(w, "ok        %s\n", c.Name)
		} else {
			fmt.Fprintf(w, "NOT READY %s: %s\n", c.Name, c.Error)
		}
	}
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	failed := s.failed
	s.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if failed != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, failed)
		return
	}
	fmt.Fprintln(w, "ok")
}
