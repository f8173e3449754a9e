package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Main runs the command line of this process and returns its exit code. The first SIGINT or SIGTERM has it end in good order, a second
// one ends the process.
func Main() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		os.Exit(exitError)
	}()
	if os.Getenv("NO_COLOR") != "" {
		text.DisableColors()
	}
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), dial: dial}
	return a.run(ctx, os.Args[1:])
}
