package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/render"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show or check the configuration",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{errors.New("config needs a verb: print or validate")}
		},
	}
	cmd.AddCommand(a.configPrintCommand(), a.configValidateCommand())
	return cmd
}

var roles = map[string]config.Role{"client": config.RoleClient, "worker": config.RoleWorker, "dev": config.RoleDev}

// roleFlag adds --for, which chooses the defaults.
func roleFlag(cmd *cobra.Command) func() (config.Role, error) {
	name := cmd.Flags().String("for", "worker", "the defaults of worker, dev or client")
	return func() (config.Role, error) {
		role, ok := roles[*name]
		if !ok {
			return 0, &usageError{fmt.Errorf("--for %q: must be worker, dev or client", *name)}
		}
		return role, nil
	}
}

func (a *app) configPrintCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print every setting as it takes effect, secrets redacted",
		Args:  cobra.NoArgs,
	}
	origin := cmd.Flags().Bool("origin", false, "say where each setting came from")
	kinds := cmd.Flags().Bool("kinds", false, "print what a source of each kind can be set to, with the defaults, in place of the settings")
	role := roleFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := role()
		if err != nil {
			return err
		}
		s, err := a.settings(cmd, r)
		if err != nil {
			return err
		}
		entries := s.Entries()
		if *kinds {
			entries = s.KindEntries()
		}
		if a.format != render.Table {
			return render.PrintItems(a.printer(), entries, entries, nil)
		}
		text, err := config.YAML(entries, *origin)
		if err != nil {
			return err
		}
		if _, err := a.out.Write(text); err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return nil
	}
	return cmd
}

func (a *app) configValidateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration and name everything that is wrong with it",
		Args:  cobra.NoArgs,
	}
	role := roleFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := role()
		if err != nil {
			return err
		}
		s, err := a.settings(cmd, r)
		if err != nil {
			return err
		}
		return a.printer().Print(map[string]any{"valid": true, "sources": len(s.Sources)}, func() render.Grid {
			return render.Grid{Notes: []string{fmt.Sprintf("valid, %d sources", len(s.Sources))}}
		})
	}
	return cmd
}
