package integration

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

var (
	// faults asks for the tests that take their time; CI does.
	faults = flag.Bool("faults", os.Getenv("CI") == "true", "run the tests that take a while: faults of processes, the README")
	// long asks for the faults that last: outages of many leases, every node in turn.
	long = flag.Bool("faults.long", false, "inject the faults that take minutes as well")
)

// takesAWhile leaves a test out where nobody asked for such, so that all others are done within minutes.
func takesAWhile(t testing.TB) {
	t.Helper()
	if !*faults {
		t.Skip("left out because it takes a while; to run it: go test ./integration -faults")
	}
}

// hold lets a fault last.
func hold(t testing.TB, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
		t.Fatal(context.Cause(t.Context()))
	}
}

// pour publishes starts, one each time every has passed, while storm does its worst, and returns when both are done.
func (l *load) pour(t *testing.T, every time.Duration, storm func()) {
	t.Helper()
	const publishers = 8
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for p := range publishers {
		all.Go(func() {
			ticker := time.NewTicker(publishers * every)
			defer ticker.Stop()
			for i := p; ctx.Err() == nil; i += publishers {
				l.publish(t.Context(), i, 1)
				select {
				case <-ticker.C:
				case <-ctx.Done():
				}
			}
		})
	}
	storm()
}

// awaitMore returns when n more publishes than now have been acknowledged.
func (l *load) awaitMore(t *testing.T, n int) {
	t.Helper()
	accepted, _ := l.count()
	l.awaitAccepted(t, accepted+n)
}

// awaitRefused returns when n more publishes than now have not been acknowledged.
func (l *load) awaitRefused(t *testing.T, n int) {
	t.Helper()
	_, before := l.count()
	process.Await(t, patience, func() error {
		_, refused := l.count()
		return more(refused, before+n-1)
	})
}

// fetch returns the body of a page of a worker's HTTP server, and its status.
func fetch(t testing.TB, w *process.Worker, page string) (status int, body string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.HTTP+page, nil)
	if err != nil {
		return 0, "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response.StatusCode, string(b), err
}

// ready returns why a worker is not ready.
func ready(t testing.TB, w *process.Worker) error {
	status, body, err := fetch(t, w, "/readyz")
	if err == nil && status != http.StatusOK {
		err = errors.New(body)
	}
	return err
}

// unready returns an error while a worker is ready.
func unready(t testing.TB, w *process.Worker) error {
	status, _, err := fetch(t, w, "/readyz")
	if err == nil && status == http.StatusOK {
		err = fmt.Errorf("%s is ready", w.Name)
	}
	return err
}

// metric returns a figure of a worker, the sum over its labels.
func metric(t testing.TB, w *process.Worker, name string) (sum float64) {
	t.Helper()
	process.Await(t, patience, func() error {
		sum = 0
		_, body, err := fetch(t, w, "/metrics")
		if err != nil {
			return err
		}
		found := false
		for line := range strings.Lines(body) {
			series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if family, _, _ := strings.Cut(series, "{"); family != "tracker_"+name {
				continue
			}
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return err
			}
			found, sum = true, sum+v
		}
		if !found {
			return fmt.Errorf("no metric %s", name)
		}
		return nil
	})
	return sum
}

// metrics adds a figure up over workers.
func metrics(t testing.TB, workers []*process.Worker, name string) (sum float64) {
	t.Helper()
	for _, w := range workers {
		sum += metric(t, w, name)
	}
	return sum
}

// shared returns why it is not so that the workers own all partitions between them, each its share within one, and are ready.
func (f *fleet) shared(t testing.TB, workers ...*process.Worker) error {
	v, err := f.look()
	if err != nil {
		return err
	}
	owned := make(map[string]int)
	for _, p := range v.Partitions {
		if p.State == "owned" {
			owned[p.Worker]++
		}
	}
	for _, w := range workers {
		if share := len(v.Partitions) / len(workers); owned[w.Name] < share || owned[w.Name] > share+1 {
			return fmt.Errorf("%s owns %d partitions: %v", w.Name, owned[w.Name], owned)
		}
		if err := ready(t, w); err != nil {
			return err
		}
	}
	return nil
}

// awaitShared waits until the workers share all partitions and are ready.
func (f *fleet) awaitShared(t testing.TB, workers ...*process.Worker) {
	t.Helper()
	process.Await(t, patience, func() error { return f.shared(t, workers...) })
}

// lasting are the trackers of spawnLasting as the fleet tells of them: process identity and worker, by ID.
func (l *load) lasting(t testing.TB, n int) map[string]string {
	t.Helper()
	all := make(map[string]string, n)
	for i := range n {
		id := fmt.Sprintf("%s_lasting_%d", l.prefix, i)
		process.Await(t, patience, func() error {
			r, err := l.client.try(t.Context(), "lookup", id)
			if err == nil && (r.Status != "found" || r.Stale || r.Tracker.Phase != "running") {
				err = fmt.Errorf("lookup of %s: %s", id, r.body)
			}
			all[id] = r.Tracker.pid() + " on " + r.Tracker.Worker
			return err
		})
	}
	return all
}

// loud returns the lines that workers logged as errors.
func loud(workers ...*process.Worker) []string {
	var lines []string
	for _, w := range workers {
		_, stderr := w.Output()
		for _, line := range stderr {
			if strings.Contains(line, `"level":"error"`) {
				lines = append(lines, w.Name+": "+line)
			}
		}
	}
	return lines
}
