package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/text"
)

func main() {
	os.Exit(mainCode())
}

// mainCode runs the command line of this process. The first SIGINT or SIGTERM ends its context, a second one the process.
func mainCode() int {
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
