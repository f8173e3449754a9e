// Package cli is the command line of tracker: everything that the binary does, for it and for binaries with more kinds of sources.
// A program with kinds of its own is a main that exits with what [Main] returns, given a [Kind] for each; integration/ownsource is one,
// in a module of its own.
//
// One file holds one verb. Data goes to standard output, everything else to standard error. The exit code is 0 for
// success, 1 for an error, 2 for a wrong command line, configuration or request, 3 for a transaction without a tracker,
// 4 when the fleet is unavailable or a time ran out; wait adds 10 failed, 11 replaced, 12 dropped, 13 expired and
// 14 stopped.
package cli
