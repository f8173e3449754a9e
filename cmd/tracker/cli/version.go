package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/render"
)

// release is the version of this program, a semantic version.
const release = "0.1.0"

// build is what is known of this binary.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a work tree with changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show what this binary is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.settings(cmd, config.RoleClient); err != nil {
				return err
			}
			b := thisBuild()
			return a.printer().Print(b, func() render.Grid {
				return render.Grid{Notes: []string{fmt.Sprintf("tracker %s %s %s %s", b.Version, b.Revision, b.Go, b.Platform)}}
			})
		},
	}
}
