package soak

import (
	"encoding/json"
	"fmt"
	"time"

	"trackerfleet/bus"
)

// Plan says what goes on, and how much of it.
type Plan struct {
	Trackers  int           // alive at any time
	For       time.Duration // how long
	Churn     float64       // trackers started a second, and ended a second: half of them confirm by themselves, half are stopped
	Crashes   float64       // trackers crashed a second
	Lookups   float64       // lookups a second, of what lives, what has ended, what is forgotten and what never was
	Retention time.Duration // how long the workers keep what has ended
	BlockTime time.Duration // of the simulated chain
	Tolerance float64       // by which what is flat may grow from the first third of the time to the last, 0.1 being a tenth
	Sample    time.Duration // how often everything is measured
	Prefix    string        // of the transaction IDs; no other run on the same store may have had it
}

// Bounds of a plan.
const (
	MinTrackers = 100
	MaxTrackers = 2_000_000
	// minLifeBlocks is how many blocks a tracker must live at least, so that it is not over before it has begun.
	minLifeBlocks = 10
	// minSamples is how many samples there must be time for when all is warm, and leastSamples how many there must be then: one for each
	// third.
	minSamples, leastSamples = 6, 3
)

// Validate returns what is wrong with p.
func (p Plan) Validate() error {
	switch {
	case p.Trackers < MinTrackers || p.Trackers > MaxTrackers:
		return fmt.Errorf("soak: %d trackers: must be %d to %d", p.Trackers, MinTrackers, MaxTrackers)
	case p.Churn <= 0 || p.Crashes < 0 || p.Lookups < 0:
		return fmt.Errorf("soak: churn %v, crashes %v, lookups %v: must not be negative, and there must be churn", p.Churn, p.Crashes, p.Lookups)
	case p.Retention < time.Second:
		return fmt.Errorf("soak: retention %v: must be a second at least", p.Retention)
	case p.BlockTime < time.Millisecond || p.Sample < time.Millisecond:
		return fmt.Errorf("soak: block time %v, sample %v: must be a millisecond at least", p.BlockTime, p.Sample)
	case p.life() < minLifeBlocks*p.BlockTime:
		return fmt.Errorf("soak: %d trackers live for %v only when %v come and go a second: at least %d blocks of %v are needed",
			p.Trackers, p.life().Round(time.Millisecond), p.Churn, minLifeBlocks, p.BlockTime)
	case p.Tolerance < 0:
		return fmt.Errorf("soak: tolerance %v: must not be negative", p.Tolerance)
	case p.For < p.warmUp()+minSamples*p.Sample:
		return fmt.Errorf("soak: for %v: must be %v at least, of which %v are for warming up", p.For, p.warmUp()+minSamples*p.Sample, p.warmUp())
	}
	return nil
}

// life returns how long a tracker lives.
func (p Plan) life() time.Duration {
	return time.Duration(float64(p.Trackers) / p.Churn * float64(time.Second))
}

// warmUp returns how long it takes until the store holds what it will: as much that has ended as is kept, and then what a minute
// piles up between two clearings.
func (p Plan) warmUp() time.Duration { return p.Retention + min(p.Retention, time.Minute) }

// id returns the ID of transaction n.
func (p Plan) id(n int) bus.ID {
	id, err := bus.ParseID(fmt.Sprintf("%s_%09d", p.Prefix, n))
	if err != nil {
		panic(err) // the prefix is the program's own
	}
	return id
}

// confirmations is how many blocks a transaction needs, the including one counted.
const confirmations = 3

// stays are the params of a transaction that comes to no end by itself.
var stays = json.RawMessage(`{"outcome":"pending"}`)

// confirms returns the params of a transaction that is included in the first block after a time, whose tracker ends confirmed.
func (p Plan) confirms(at time.Time) json.RawMessage {
	height := at.UnixNano()/int64(p.BlockTime) + 1
	return json.RawMessage(fmt.Sprintf(`{"outcome":"confirm","at":%d,"confirmations":%d}`, height, confirmations))
}
