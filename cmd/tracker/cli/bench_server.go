package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trackerfleet/cmd/tracker/bench"
	"trackerfleet/cmd/tracker/bench/gauge"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/crew"
	"trackerfleet/cmd/tracker/process"
)

// benchServer is the process of the NATS server of a bench.
const benchServer = "server"

// natsProcess is a NATS server that is a process of its own.
type natsProcess struct {
	url string // for clients; the same when it is started again
	dir string // of the store
	bench.Process
}

// withNATS calls serve with a NATS server in a process of its own, whose store is gone afterwards.
func (a *app) withNATS(ctx context.Context, serve func(context.Context, natsProcess) error) error {
	dir, err := os.MkdirTemp("", "tracker-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &config.Loaded{Settings: config.Defaults(config.RoleDev)}
	s.Data, s.HTTP, s.Port, s.Log.Level = dir, "127.0.0.1:0", 0, "error"
	again := &sameAddresses{}
	c := company{s, ownEnviron(a.environ), []string{benchServer}, again.args}
	return a.withCrew(ctx, c, func(ctx context.Context, servers *crew.Crew) error {
		n := natsProcess{url: said(servers.Said(benchServer), "nats"), dir: dir, Process: member(servers, benchServer)}
		if err := again.as(benchServer, servers.Said(benchServer)); err != nil {
			return err
		}
		return serve(ctx, n)
	})
}

// sameAddresses has processes of a bench listen where they did before when they are started again.
type sameAddresses struct{ more map[string][]string } // arguments by the name of the process

// as takes in where the process of that name listens, by the line that it has said.
func (s *sameAddresses) as(name, line string) error {
	more := []string{"--http", said(line, "http")}
	if nats := said(line, "nats"); nats != "" {
		u, err := url.Parse(nats)
		if err != nil {
			return fmt.Errorf("where NATS is: %w", err)
		}
		more = append(more, "--port", u.Port())
	}
	if s.more == nil {
		s.more = map[string][]string{}
	}
	s.more[name] = more
	return nil
}

func (s *sameAddresses) args(file, name string) []string {
	return append(benchArgs(file, name), s.more[name]...)
}

// member returns a process of a crew as a bench has it.
func member(c *crew.Crew, name string) bench.Process {
	return bench.Process{
		Meter: gauge.Meter{URL: "http://" + said(c.Said(name), "http") + "/metrics", Client: &http.Client{Timeout: benchPatience}},
		Kill:  func() error { return c.Kill(name) },
		Again: func(ctx context.Context) error { return c.Again(ctx, name) },
	}
}

// benchServerCommand runs the NATS server of a bench. The bench itself starts it.
func (a *app) benchServerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "server", Short: "Run the NATS server of a bench", Args: cobra.NoArgs, Hidden: true}
	bind(cmd.Flags(), config.RoleDev, "port", "http")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleDev)
		if err != nil {
			return err
		}
		cfg, err := a.processConfig(s, true)
		if err != nil {
			return err
		}
		return host(cmd.Context(), cfg, func(ctx context.Context, p *process.Process) error {
			fmt.Fprintf(a.out, "ready nats=%s http=%s\n", p.NATS(), p.HTTP())
			return untilInterrupted(ctx)
		})
	}
	return cmd
}

// benchArgs has a process be a worker, or what else a bench needs.
func benchArgs(file, name string) []string {
	switch name {
	case benchEcho, benchServer:
		return []string{"bench", name, "--config", file}
	}
	return workerArgs(file, name)
}

// said returns what a process has said of key in the line that it is ready.
func said(line, key string) string {
	for word := range strings.FieldsSeq(line) {
		if value, ok := strings.CutPrefix(word, key+"="); ok {
			return value
		}
	}
	return ""
}
