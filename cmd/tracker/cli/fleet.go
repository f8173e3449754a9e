package cli

import (
	"context"
	"iter"

	"trackerfleet/bus"
)

// fleet is what the verbs need of [bus.Client]; see there for what its methods promise.
type fleet interface {
	Start(ctx context.Context, r bus.StartRequest) (bus.StartAck, error)
	Spawn(ctx context.Context, r bus.StartRequest) (bus.SpawnReply, error)
	SpawnMany(ctx context.Context, starts []bus.StartRequest) ([]bus.SpawnReply, error)
	Lookup(ctx context.Context, id bus.ID) (bus.LookupReply, error)
	Call(ctx context.Context, id bus.ID, op bus.Op) (bus.CallReply, error)
	Stop(ctx context.Context, r bus.StopRequest) (bus.StopReply, error)
	Retry(ctx context.Context, r bus.RetryRequest) (bus.RetryReply, error)
	List(ctx context.Context, r bus.ListRequest) (bus.ListReply, error)
	Fleet(ctx context.Context) (bus.FleetReply, error)
	Drain(ctx context.Context, worker string) (bus.DrainReply, error)
	Events(ctx context.Context, r bus.EventsRequest) iter.Seq2[*bus.Event, error]
}
