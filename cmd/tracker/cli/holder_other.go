//go:build !linux

package cli

// portHolder names the process that listens on a TCP port, "" when that cannot be seen.
func portHolder(int) string { return "" }
