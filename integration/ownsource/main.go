// Command ledger is tracker with one more kind of source: table.
package main

import (
	"os"
	"trackerfleet/cmd/tracker/cli"

	"example.com/ledger/table"
)

func main() { os.Exit(cli.Main(cli.Kind("table", table.Defaults(), table.New))) }
