package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// meterEvery is how often progress is told where there is no terminal.
const meterEvery = 2 * time.Second

// track is one thing that a meter tells of.
type track struct {
	title string
	total int64 // 0: unknown
}

// meter tells on standard error how far something is: bars on a terminal, otherwise a line now and then. done ends it. It is
// for one goroutine.
type meter struct {
	out    io.Writer
	tracks []track
	values []int64
	begin  time.Time
	last   time.Time // of the last line

	bar     progress.Writer // nil without a terminal
	bars    []*progress.Tracker
	drawing sync.WaitGroup
}

func newMeter(out io.Writer, terminal bool, tracks ...track) *meter {
	m := &meter{out: out, tracks: tracks, values: make([]int64, len(tracks)), begin: time.Now(), last: time.Now()}
	if !terminal {
		return m
	}
	m.bar = progress.NewWriter()
	m.bar.SetOutputWriter(out)
	m.bar.SetUpdateFrequency(100 * time.Millisecond)
	m.bar.SetTrackerPosition(progress.PositionRight)
	m.bar.SetNumTrackersExpected(len(tracks))
	for _, t := range tracks {
		bar := &progress.Tracker{Message: t.title, Total: t.total}
		m.bars = append(m.bars, bar)
		m.bar.AppendTracker(bar)
	}
	m.drawing.Go(m.bar.Render)
	return m
}

// set tells the values reached, one for each track.
func (m *meter) set(values ...int64) {
	copy(m.values, values)
	if m.bar != nil {
		for i, bar := range m.bars {
			bar.SetValue(m.values[i])
		}
		return
	}
	if now := time.Now(); now.Sub(m.last) >= meterEvery {
		m.last = now
		m.line()
	}
}

// line tells everything in one line.
func (m *meter) line() {
	parts := make([]string, len(m.tracks))
	for i, t := range m.tracks {
		parts[i] = fmt.Sprintf("%s %d", t.title, m.values[i])
		if t.total > 0 {
			parts[i] += fmt.Sprintf("/%d", t.total)
		}
	}
	fmt.Fprintf(m.out, "%6s  %s\n", time.Since(m.begin).Round(100*time.Millisecond), strings.Join(parts, ", "))
}

// log tells one line.
func (m *meter) log(line string) {
	if m.bar != nil {
		m.bar.Log("%s", line)
		return
	}
	fmt.Fprintln(m.out, line)
}

// done tells the last values and waits until they are drawn.
func (m *meter) done() {
	if m.bar == nil {
		m.line()
		return
	}
	for _, bar := range m.bars {
		bar.MarkAsDone()
	}
	m.bar.Stop()
	m.drawing.Wait()
}

// terminal reports whether standard error is one.
func (a *app) terminal() bool {
	f, ok := a.err.(*os.File)
	if !ok {
		return false
	}
	stat, err := f.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}
