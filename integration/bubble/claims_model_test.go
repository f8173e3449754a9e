package bubble

import (
	"fmt"

	"github.com/anishathalye/porcupine"

	"trackerfleet/bus"
)

// register is one partition's owner record as the model has it: a compare-and-set register that numbers its values upwards.
type register struct {
	value string // who owns it, "" before anybody did
	epoch uint64
	above uint64 // the epoch is not known, only that it is above this; 0: it is known
}

type op uint8

const (
	read  op = iota
	won      // the change was made, and the epoch told
	maybe    // the change may have been made, at some time before the return
)

// change is an operation on one register, and what is known of its outcome.
type change struct {
	op        op
	partition int
	seen      uint64 // won, maybe: the epoch it was to replace
	value     string // read: what was there; else: what was to be there
	epoch     uint64 // read, won
}

func (r register) step(c change) []register {
	known := r.above == 0
	switch c.op {
	case read:
		if c.value == r.value && (known && c.epoch == r.epoch || !known && c.epoch > r.above) {
			return []register{{value: c.value, epoch: c.epoch}}
		}
	case won:
		if known && c.seen == r.epoch && c.epoch > r.epoch {
			return []register{{value: c.value, epoch: c.epoch}}
		}
	case maybe:
		next := []register{r}
		if known && c.seen == r.epoch {
			next = append(next, register{value: c.value, above: max(r.epoch, 1)})
		}
		return next
	}
	return nil
}

// registers is the model of all owner records: each is linearizable by itself.
var registers = (&porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byPartition := make(map[int][]porcupine.Operation)
		for _, o := range history {
			p := o.Input.(change).partition
			byPartition[p] = append(byPartition[p], o)
		}
		for _, ops := range byPartition {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() []any { return []any{register{}} },
	Step: func(state, in, _ any) (next []any) {
		for _, r := range state.(register).step(in.(change)) {
			next = append(next, r)
		}
		return next
	},
	DescribeOperation: func(in, _ any) string { return fmt.Sprintf("%+v", in) },
}).ToModel()

// valueOf is an owner record without its epoch.
func valueOf(o bus.Owner) string {
	if o.Epoch == 0 {
		return ""
	}
	return fmt.Sprintf("%s/%s %s to %q", o.Worker, o.Incarnation, o.State, o.To)
}
