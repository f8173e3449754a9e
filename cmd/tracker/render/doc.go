// Package render writes what a verb answers to standard output, as a table for people or as JSON for programs. The JSON is
// the wire object as it is and a promise; the table is none.
package render
