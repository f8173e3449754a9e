// Package table follows payments in a CSV file with lines "id,status", which somebody else writes.
package table

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"time"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/polled"
)

// Config is the settings of one such file.
type Config struct {
	File string        `koanf:"file" doc:"CSV file with lines id,status"`
	Poll time.Duration `koanf:"poll" doc:"time between two looks at a payment"`
}

// Defaults returns the settings of a profile that sets nothing.
func Defaults() Config { return Config{Poll: 5 * time.Second} }

// New returns the source of a file. It starts nothing.
func New(c Config) (*polled.Source, error) {
	if c.File == "" {
		return nil, errors.New("table: file: is missing")
	}
	const all = 1 << 20 // in one call, as each reads the whole file
	return polled.New(polled.Config{Name: "table", Poll: c.Poll, Batch: all, Ask: c.ask})
}

// ends are the statuses that a payment keeps. With any other it is under way.
var ends = map[string]source.End{
	"paid": source.EndConfirmed, "refused": source.EndFailed, "cancelled": source.EndStopped,
	"overdue": source.EndExpired, "forgotten": source.EndDropped,
}

// ask returns the state of every payment in the file, those that were asked for among them.
func (c Config) ask(context.Context, []string) (map[string]polled.State, error) {
	file, err := os.Open(c.File)
	if err != nil {
		return nil, err // decides nothing
	}
	defer file.Close()
	lines := csv.NewReader(file)
	lines.FieldsPerRecord = 2
	rows, err := lines.ReadAll()
	if err != nil {
		return nil, err
	}
	states := make(map[string]polled.State, len(rows))
	for _, row := range rows {
		states[row[0]] = polled.State{Status: row[1], End: ends[row[1]]}
	}
	return states, nil
}
