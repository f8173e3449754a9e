// Package soak lets a worker and a server do the same for a long time, and sees whether anything grows.
//
// As many trackers start as end, so that the number of those alive stays; some crash, and all are looked up. Everything that is
// answered, and every event, is held against what is known: it takes one process that asks for everything. What is measured is
// flat if the median of its last third is not above that of its first third by more than a tolerance.
package soak
