package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/monitor"
	"trackerfleet/cmd/tracker/render"
)

// maxCheckBytes bounds what is read of the answer to a check.
const maxCheckBytes = 1 << 20

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check a worker or a NATS server, for health checks: the exit code is 0 or 4",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{errors.New("check needs a verb: ready or server")}
		},
	}
	cmd.AddCommand(a.checkReadyCommand(), a.checkServerCommand())
	return cmd
}

func (a *app) checkReadyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ready",
		Short:   "Check that the workers of a process are ready",
		Example: "  tracker check ready --http 127.0.0.1:8460",
		Args:    cobra.NoArgs,
	}
	address := cmd.Flags().String("http", "", "where the workers serve HTTP; left out: what the configuration says")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleClient)
		if err != nil {
			return err
		}
		if *address == "" {
			*address = s.HTTP
		}
		var report monitor.Report
		if err := getJSON(cmd.Context(), s, *address, "/readyz", &report); err != nil {
			return err
		}
		return a.tellCheck(report.Ready, report, func() render.Grid { return checkGrid(report.Checks) })
	}
	return cmd
}

// serverHealth is what /healthz of a nats-server answers.
type serverHealth struct {
	Status string `json:"status"`
	Error  string `json:"error,omitempty"`
}

func (a *app) checkServerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "server",
		Short:   "Check that a nats-server and its streams are healthy, by its monitoring port",
		Example: "  tracker check server --http 127.0.0.1:8222",
		Args:    cobra.NoArgs,
	}
	address := cmd.Flags().String("http", "127.0.0.1:8222", "where the nats-server serves its monitoring")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleClient)
		if err != nil {
			return err
		}
		var health serverHealth
		if err := getJSON(cmd.Context(), s, *address, "/healthz", &health); err != nil {
			return err
		}
		ready := health.Status == "ok"
		return a.tellCheck(ready, health, func() render.Grid {
			return checkGrid([]monitor.Check{{Name: "server", Ready: ready, Error: health.Error}})
		})
	}
	return cmd
}

// tellCheck prints an answer and gives it its exit code.
func (a *app) tellCheck(ready bool, body any, grid func() render.Grid) error {
	if err := a.printer().Print(body, grid); err != nil {
		return err
	}
	if !ready {
		return told(exitUnavailable)
	}
	return nil
}

func checkGrid(checks []monitor.Check) render.Grid {
	var g render.Grid
	for _, c := range checks {
		if c.Ready {
			g.Notes = append(g.Notes, "ok        "+render.Cell(c.Name))
		} else {
			g.Notes = append(g.Notes, "NOT READY "+render.Cell(c.Name+": "+c.Error))
		}
	}
	return g
}

// getJSON reads the answer at path into body, whatever status it has. It fails with [bus.ErrUnavailable] when nobody answers, or
// somebody else does.
func getJSON(ctx context.Context, s *config.Loaded, address, path string, body any) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" {
		return &usageError{fmt.Errorf("--http %q is no address to ask, such as 127.0.0.1:8460", address)}
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return &usageError{fmt.Errorf("--http %q: %w", address, err)}
	}
	req.Header.Set("Accept", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return &codeError{exitUnavailable, fmt.Errorf("check: %w", err)}
	}
	defer resp.Body.Close()
	read := io.LimitReader(resp.Body, maxCheckBytes)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return fmt.Errorf("%w: check: %s answered %s", bus.ErrUnavailable, req.URL, resp.Status)
	}
	if err := json.NewDecoder(read).Decode(body); err != nil {
		return fmt.Errorf("%w: check: %s is not what was expected: %w", bus.ErrUnavailable, req.URL, err)
	}
	return nil
}
