package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/render"
	"trackerfleet/workers/source"
)

// finding is one thing that the doctor has to say; its JSON is a promise but for the words.
type finding struct {
	About    string `json:"about"`             // "source <name>", "nats", "streams" or "fleet"
	Subject  string `json:"subject,omitempty"` // the part of it, such as an endpoint, without secrets
	Severity string `json:"severity"`          // ok, warning or fault
	Message  string `json:"message"`
	Remedy   string `json:"remedy,omitempty"`

	severity source.Severity
}

// diagnosis is what the doctor answers.
type diagnosis struct {
	Healthy  bool      `json:"healthy"` // there is no fault
	Faults   int       `json:"faults"`
	Warnings int       `json:"warnings"`
	Findings []finding `json:"findings"`
}

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check every configured source, NATS and the fleet, and say in words what is wrong and what to do",
		Long: "Check every configured source, NATS and the fleet, and say in words what is wrong and what to do. The sources are those of\n" +
			"the configuration here, which has to be the workers': name their file with --config. They are asked anew, and nothing\n" +
			"is changed anywhere. The exit code is 0 if there is no fault, and 1 if there is one; warnings are no faults.",
		Example: "  tracker doctor --config tracker.yaml\n" +
			"  tracker doctor --config tracker.yaml --source mainnet -o jsonl",
		Args:              cobra.NoArgs,
		ValidArgsFunction: noFiles,
	}
	only := cmd.Flags().String("source", "", "check only the source of this name, and nothing else")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleWorker)
		if err != nil {
			return err
		}
		if _, known := s.Sources[*only]; *only != "" && !known {
			return &usageError{fmt.Errorf("--source %q: no source of that name is configured", *only)}
		}
		d := diagnose(cmd.Context(), s, *only)
		if err := render.PrintItems(a.printer(), d, d.Findings, func() render.Grid { return doctorGrid(d) }); err != nil {
			return err
		}
		if !d.Healthy {
			return told(exitError)
		}
		return nil
	}
	return cmd
}

// diagnose checks everything at the same time, each for the timeout of one request at most; only one source if it is named.
func diagnose(ctx context.Context, s *config.Loaded, only string) diagnosis {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errors.New("no answer within "+s.Timeout.String()))
	defer cancel()
	names := slices.Sorted(maps.Keys(s.Sources))
	if only != "" {
		names = []string{only}
	}
	parts := make([][]finding, len(names)+1)
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { parts[i] = diagnoseSource(ctx, name, s.Sources[name]) })
	}
	if only == "" {
		all.Go(func() { parts[len(names)] = diagnoseFleet(ctx, s) })
	}
	all.Wait()
	if len(names) == 0 {
		const remedy = "name the workers' configuration file with --config"
		parts = append(parts, []finding{about("sources", "", source.Warning, "none is configured here, so none was checked", remedy)})
	}
	return concluded(parts...)
}

// doctorGrid shows one line for each finding, in groups, and what to do below those that are not well.
func doctorGrid(d diagnosis) render.Grid {
	var g render.Grid
	about := ""
	for _, f := range d.Findings {
		if f.About != about {
			about = f.About
			g.Notes = append(g.Notes, render.Cell(about))
		}
		text := f.Message
		if f.Subject != "" {
			text = f.Subject + ": " + text
		}
		mark := "ok     "
		switch f.severity {
		case source.Warning:
			mark = "warning"
		case source.Faulty:
			mark = "FAULT  "
		}
		g.Notes = append(g.Notes, "  "+mark+"  "+render.Cell(text))
		if f.Remedy != "" {
			g.Notes = append(g.Notes, "           -> "+render.Cell(f.Remedy))
		}
	}
	switch {
	case d.Faults > 0:
		g.Notes = append(g.Notes, fmt.Sprintf("faults: %d, warnings: %d", d.Faults, d.Warnings))
	case d.Warnings > 0:
		g.Notes = append(g.Notes, fmt.Sprintf("no fault, %d warnings", d.Warnings))
	default:
		g.Notes = append(g.Notes, "all is well")
	}
	return g
}

// concluded puts together what was found of the same thing, and counts it.
func concluded(parts ...[]finding) diagnosis {
	d := diagnosis{Findings: slices.Concat(parts...)}
	place := map[string]int{}
	for i, f := range d.Findings {
		if _, known := place[f.About]; !known {
			place[f.About] = i
		}
	}
	slices.SortStableFunc(d.Findings, func(a, b finding) int { return place[a.About] - place[b.About] })
	for _, f := range d.Findings {
		switch f.severity {
		case source.Warning:
			d.Warnings++
		case source.Faulty:
			d.Faults++
		}
	}
	d.Healthy = d.Faults == 0
	return d
}

// about makes a finding.
func about(what, subject string, severity source.Severity, message, remedy string) finding {
	return finding{About: what, Subject: subject, Severity: severity.String(), Message: message, Remedy: remedy, severity: severity}
}
