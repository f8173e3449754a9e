package tracker_test

import (
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// A transaction is accepted, included, buried under two more blocks and final.
func Example() {
	id, err := bus.ParseID("txn_01dp371w0fnjhf9z2tjebx4vr4")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	policy := &source.Policy{Confirmations: 3}
	block := source.BlockRef{Number: 100, Hash: "0xa"}

	d := tracker.Start(now, bus.StartRequest{TransactionID: id, Source: "sim"}, bus.Trace{})
	show := func(d tracker.Decision) {
		for _, e := range d.Events {
			fmt.Println(e.N, e.Type, d.Next.Status())
		}
	}
	show(d)
	r := d.Next.Owned(1234, 1)

	d = r.Observe(now.Add(12*time.Second), policy, source.Observation{
		Kind: source.Included, Head: 100, Inclusion: &source.Inclusion{Block: block, Success: true},
	})
	show(d)
	fmt.Println("wake at", d.Wake.Height)

	d = d.Next.Observe(now.Add(36*time.Second), policy, source.Observation{Kind: source.Advanced, Head: 102})
	show(d)
	fmt.Println(string(d.Next.Result()))
	// Output:
	// 1 started unseen
	// 2 included confirming
	// wake at 102
	// 3 progress confirmed
	// 4 confirmed confirmed
	// {"block":{"number":100,"hash":"0xa"},"have":3,"need":3,"finality":"depth","latency":"36s"}
}
