//go:build race

package process

// raceFlag builds the fleet with the race detector when the tests run with it.
const raceFlag = "-race"
