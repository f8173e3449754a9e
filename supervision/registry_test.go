package supervision_test

import (
	"iter"

	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// noting is a registry that tells when it is written to.
type noting struct {
	registry *registry.Owners[string, supervision.Child]
	note     func(string)
}

func (n *noting) names() *registry.Owners[string, supervision.Child] {
	if n.registry == nil {
		n.registry = registry.NewOwners((*supervision.Child).ID)
	}
	return n.registry
}

func (n *noting) Register(id string, c *supervision.Child) (*supervision.Child, bool) {
	n.note("register")
	return n.names().Register(id, c)
}

func (n *noting) Unregister(id string, c *supervision.Child) bool {
	n.note("unregister")
	return n.names().Unregister(id, c)
}

func (n *noting) Lookup(id string) (*supervision.Child, bool) { return n.names().Lookup(id) }

func (n *noting) All() iter.Seq2[string, *supervision.Child] { return n.names().All() }
