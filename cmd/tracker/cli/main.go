package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/text"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/workers/source"
)

// Main runs the command line of this process and returns its exit code. Its sources may be of kinds, made with [Kind], beside those that
// are built in. The first SIGINT or SIGTERM has it end in good order, a second
// one ends the process.
func Main(kinds ...config.Kind) int {
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
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), kinds: kinds, dial: dial}
	return a.run(ctx, os.Args[1:])
}

// Kind returns a kind of sources for [Main]: a profile with "kind: name" begins as a copy of defaults, takes what file and environment
// set, and becomes a source by build. See [config.NewKind] for what the fields of S may be, how build names what is wrong with them,
// and when it panics.
func Kind[S any, T source.Source](name string, defaults S, build func(S) (T, error)) config.Kind {
	return config.NewKind(name, defaults, build)
}
