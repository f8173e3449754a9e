//go:build !race

package process

const raceFlag = ""
