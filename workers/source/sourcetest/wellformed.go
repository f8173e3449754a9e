package sourcetest

import (
	"fmt"

	"trackerfleet/workers/source"
)

// faultOf says what is wrong with the form of an observation; "" if nothing is.
func faultOf(o source.Observation) string {
	switch {
	case o.At.IsZero():
		return "At is zero"
	case o.Head == 0:
		return "Head is zero"
	case o.Safe > o.Head || o.Finalized > o.Head:
		return fmt.Sprintf("safe %d or finalized %d is beyond the head %d", o.Safe, o.Finalized, o.Head)
	case o.Inclusion != nil && (o.Inclusion.Block.Hash == "" || o.Inclusion.Block.Number == 0):
		return "its inclusion names no block"
	case o.Inclusion != nil && o.Inclusion.Block.Number > o.Head:
		return "its inclusion is beyond the head"
	}
	switch o.Kind {
	case source.Absent:
		if o.Endpoints < 1 || o.Endpoint < 0 || o.Endpoint >= o.Endpoints {
			return fmt.Sprintf("endpoint %d of %d", o.Endpoint, o.Endpoints)
		}
	case source.Pending:
		if o.Pending == nil {
			return "a pending transaction without details"
		}
	case source.Included, source.Advanced:
		if o.Kind == source.Included && o.Inclusion == nil {
			return "an inclusion without its block"
		}
	case source.Reorged:
		if o.From == nil {
			return "does not say where it was"
		}
		if o.Depth == 0 {
			return "a reorganisation of no depth"
		}
	case source.Replacing:
		if o.Inclusion == nil || o.By == "" || o.Replacement == "" {
			return "does not say by what"
		}
	case source.Replaced:
	default:
		return "unknown kind"
	}
	return ""
}

// providerFaultOf says what is wrong with the form of an observation of a provider, which has no blocks; "" if nothing is.
func providerFaultOf(o source.Observation) string {
	switch {
	case o.At.IsZero():
		return "At is zero"
	case o.Head != 0 || o.Safe != 0 || o.Finalized != 0:
		return "it has a head"
	}
	switch o.Kind {
	case source.Absent:
		if o.Endpoints != 1 || o.Endpoint != 0 {
			return fmt.Sprintf("endpoint %d of %d", o.Endpoint, o.Endpoints)
		}
	case source.Pending:
		if o.Pending == nil {
			return "a pending transaction without details"
		}
	case source.Settled:
		if o.Settlement == nil || o.Settlement.End < source.EndConfirmed || o.Settlement.End > source.EndDropped {
			return "does not say how it ended"
		}
	default:
		return "needs blocks"
	}
	return ""
}

// describe returns o for a message.
func describe(o source.Observation) string {
	s := fmt.Sprintf("kind %d at head %d", o.Kind, o.Head)
	if o.Settlement != nil {
		s += fmt.Sprintf(" settled %+v", *o.Settlement)
	}
	if o.From != nil {
		s += fmt.Sprintf(" from block %d %s", o.From.Block.Number, o.From.Block.Hash)
	}
	if o.Inclusion != nil {
		s += fmt.Sprintf(" in block %d %s", o.Inclusion.Block.Number, o.Inclusion.Block.Hash)
	}
	return s
}
