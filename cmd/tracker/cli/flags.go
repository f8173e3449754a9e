package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/render"
)

// keyAnnotation marks a flag that sets a key of the configuration.
const keyAnnotation = "config-key"

// bind adds a flag for each key; its help and default are the configuration's.
func bind(f *pflag.FlagSet, role config.Role, keys ...string) {
	for _, key := range keys {
		bindShort(f, role, key, "")
	}
}

func bindShort(f *pflag.FlagSet, role config.Role, key, short string) {
	bindAs(f, role, key, config.FlagName(key), short)
}

func bindAs(f *pflag.FlagSet, role config.Role, key, name, short string) {
	d := config.Describe(role, key)
	help := d.Doc
	if d.Default != "" && d.Default != "[]" {
		help += " (default " + d.Default + ")"
	}
	if d.Bool {
		f.BoolP(name, short, false, help)
	} else {
		f.StringP(name, short, "", help)
	}
	f.Lookup(name).Annotations = map[string][]string{keyAnnotation: {key}}
}

// settings loads the configuration with the flags of cmd on top.
func (a *app) settings(cmd *cobra.Command, role config.Role) (*config.Loaded, error) {
	in := config.Input{Role: role, Environ: a.environ, Flags: map[string]config.Flag{}, Kinds: a.kinds}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if key := f.Annotations[keyAnnotation]; len(key) == 1 {
			in.Flags[key[0]] = config.Flag{Name: f.Name, Value: f.Value.String()}
		}
	})
	in.File, _ = cmd.Flags().GetString("config")
	s, err := config.Load(in)
	if err == nil {
		a.format = render.Format(s.Output)
	}
	return s, err
}

func (a *app) printer() render.Printer { return render.Printer{Format: a.format, Out: a.out} }
