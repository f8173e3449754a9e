package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// meter tells on standard error how far something is: a bar on a terminal, otherwise a line now and then. done ends it.
// It is for one goroutine.
type meter struct {
	out   io.Writer
	title string
	begin time.Time
	last  time.Time // of the last line

	bar     progress.Writer // nil without a terminal
	tracker *progress.Tracker
	bars    sync.WaitGroup
}

// newMeter begins to tell; total 0 is unknown.
func newMeter(out io.Writer, terminal bool, title string, total int64) *meter {
	m := &meter{out: out, title: title, begin: time.Now(), last: time.Now()}
	if !terminal {
		return m
	}
	m.bar = progress.NewWriter()
	m.bar.SetOutputWriter(out)
	m.bar.SetUpdateFrequency(100 * time.Millisecond)
	m.bar.SetTrackerPosition(progress.PositionRight)
	m.tracker = &progress.Tracker{Message: title, Total: total, Units: progress.UnitsDefault}
	m.bar.AppendTracker(m.tracker)
	m.bars.Go(m.bar.Render)
	return m
}

// set tells that value have been reached, and more about it in note.
func (m *meter) set(value int64, note string) {
	if m.bar != nil {
		m.tracker.SetValue(value)
		m.tracker.UpdateMessage(m.title + " " + note)
		return
	}
	if now := time.Now(); now.Sub(m.last) >= meterEvery {
		m.last = now
		fmt.Fprintf(m.out, "%s: %d after %s, %s\n", m.title, value, now.Sub(m.begin).Round(100*time.Millisecond), note)
	}
}

// log tells one line.
func (m *meter) log(line string) {
	if m.bar != nil {
		m.bar.Log("%s", line)
		return
	}
	fmt.Fprintln(m.out, line)
}

// done ends the bar and waits until it is drawn.
func (m *meter) done() {
	if m.bar == nil {
		return
	}
	m.tracker.MarkAsDone()
	m.bar.Stop()
	m.bars.Wait()
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

// meterEvery is how often progress is told where there is no terminal.
const meterEvery = 2 * time.Second
