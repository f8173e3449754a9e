package supervision

import (
	"iter"
	"sync"
)

// Registry holds the names of children: what {:via, module, name} is in Elixir. Several supervisors may share one. It must not
// call back into the supervisor, whose locks are held during Register and Unregister.
type Registry interface {
	// Register gives id to c, or returns its present owner and false.
	Register(id string, c *Child) (existing *Child, ok bool)
	// Unregister frees id if c owns it.
	Unregister(id string, c *Child) bool
	// Lookup returns the owner of id.
	Lookup(id string) (*Child, bool)
	// All yields all owners. Children may be registered and unregistered while ranging.
	All() iter.Seq2[string, *Child]
}

// index is the Registry of a supervisor that was given none.
type index struct {
	mu       sync.RWMutex
	children map[string]*Child
}

func (x *index) Register(id string, c *Child) (*Child, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if existing, ok := x.children[id]; ok {
		return existing, false
	}
	if x.children == nil {
		x.children = make(map[string]*Child)
	}
	x.children[id] = c
	return nil, true
}

func (x *index) Unregister(id string, c *Child) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.children[id] != c {
		return false
	}
	delete(x.children, id)
	return true
}

func (x *index) Lookup(id string) (*Child, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c, ok := x.children[id]
	return c, ok
}

func (x *index) All() iter.Seq2[string, *Child] {
	return func(yield func(string, *Child) bool) {
		x.mu.RLock()
		all := make([]*Child, 0, len(x.children))
		for _, c := range x.children {
			all = append(all, c)
		}
		x.mu.RUnlock()
		for _, c := range all {
			if !yield(c.id, c) {
				return
			}
		}
	}
}
