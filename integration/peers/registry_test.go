package peers

import (
	"github.com/asynkron/protoactor-go/actor"

	"trackerfleet/registry"
)

var registries = []struct {
	name string
	make func() names
}{
	{"trackerfleet", func() names { return owners{registry.New[string, mailbox]()} }},
	{"RWMutex", func() names { return &lockedMap{} }},
	{"sync.Map", func() names { return &syncMap{} }},
	{"xsync", func() names { return newXsyncMap() }},
	{"protoactor", func() names { return processes{actor.NewProcessRegistry(nil)} }},
}

// owners is the fleet's own registry.
type owners struct {
	table *registry.Registry[string, mailbox]
}

func (o owners) register(id string, box mailbox) bool {
	_, ok := o.table.Register(id, box)
	return ok
}

func (o owners) lookup(id string) (mailbox, bool) { return o.table.Lookup(id) }

// processes is the registry of an actor system, without the actors.
type processes struct {
	registry *actor.ProcessRegistryValue
}

type process struct {
	actor.Process
	box mailbox
}

func (p processes) register(id string, box mailbox) bool {
	_, ok := p.registry.Add(process{box: box}, id)
	return ok
}

func (p processes) lookup(id string) (mailbox, bool) {
	found, ok := p.registry.GetLocal(id)
	if !ok {
		return nil, false
	}
	return found.(process).box, true
}
