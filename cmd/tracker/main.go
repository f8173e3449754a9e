// Command tracker follows transactions to their end with a fleet of workers on NATS.
package main

import (
	"os"

	"trackerfleet/cmd/tracker/cli"
)

func main() { os.Exit(cli.Main()) }
