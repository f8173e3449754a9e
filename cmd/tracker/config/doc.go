// Package config turns flags, environment, a YAML file and defaults into the [Settings] of one run of tracker.
//
// What it guarantees: a value set by a flag wins over TRACKER_* in the environment, that over the file, that over NATS_URL
// and its kin, that over the default; every default stands in defaults.go and nowhere else; a key that does not exist is a
// fault that names the nearest one that does; all faults are reported at once, each with its key and where it came from;
// a secret is never in a fault, in a printed setting or in the text of a value.
package config
