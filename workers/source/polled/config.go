package polled

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/source"
)

// Config says what is asked, and when. Ask has no default.
type Config struct {
	// Ask returns what the outside knows of refs, by reference. Those that it does not know are left out: each is a look in vain. An
	// error means that nothing is known of any of them, so one that cannot be asked for must not make an error: it would keep the others
	// from being looked at. The text of an error is shown to people and holds no secret. Ask must return soon after
	// ctx ended and not keep refs, which are different from each other. A diagnosis calls it with none, perhaps while another call
	// is under way.
	Ask func(ctx context.Context, refs []string) (map[string]State, error)
	// Parse checks the params of the start of id and returns what Ask calls the transaction. It does no I/O. Its error says what is
	// wrong with the params; a [*source.ParamsError] can say it by field. nil: there are no params, and Ask gets the ID.
	Parse func(id string, params json.RawMessage) (ref string, err error)

	// Name is what the outside is called in health and look-ups. No secret. "": outside.
	Name string
	// Poll is the time between two looks at one transaction. 0: 5 s.
	Poll time.Duration
	// Gap is the time from the beginning of one call of Ask to that of the next, at least. 0: 100 ms, or Poll if that is shorter.
	Gap time.Duration
	// Batch is how many transactions one call asks for at most. 0: 1000.
	Batch int
	// Timeout limits one call. 0: 10 s.
	Timeout time.Duration

	// MissingChecks is the number of looks in vain that make a pending transaction missing. 0: 3.
	MissingChecks int
	// DropAfter is how long a transaction is looked for in vain before it is dropped. 0: 24 h.
	DropAfter time.Duration
}

// State is what the outside knows of a transaction.
type State struct {
	// End is how it has ended, for good; 0: it is under way.
	End source.End
	// Status is the outside's own word for it, which events show. "": it has none.
	Status string
	// Reason is what there is to say of its end.
	Reason string
}

// ErrConfig is what every error of [New] is.
var ErrConfig = errors.New("polled: config")

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (c Config) withDefaults() Config {
	or(&c.Name, "outside")
	or(&c.Poll, 5*time.Second)
	or(&c.Gap, min(100*time.Millisecond, c.Poll))
	or(&c.Batch, 1000)
	or(&c.Timeout, 10*time.Second)
	or(&c.MissingChecks, 3)
	or(&c.DropAfter, 24*time.Hour)
	if c.Parse == nil {
		c.Parse = noParams
	}
	return c
}

// validate joins every fault by field.
func (c Config) validate() error {
	var faults []error
	want := func(ok bool, field, message string) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: %s: %s", ErrConfig, field, message))
		}
	}
	want(c.Ask != nil, "Ask", "is missing")
	want(c.Batch > 0, "Batch", "must not be negative")
	want(c.MissingChecks > 0, "MissingChecks", "must not be negative")
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"Poll", c.Poll}, {"Gap", c.Gap}, {"Timeout", c.Timeout}, {"DropAfter", c.DropAfter}} {
		want(d.value > 0, d.field, "must not be negative")
	}
	return errors.Join(faults...)
}
