package registry

import (
	"fmt"
	"hash/maphash"
	"iter"
)

// Owners maps keys to owners that know their own key, and so keeps nothing of its own beside them but one word each. Otherwise it is as
// [Registry]. Make one with [NewOwners]. All methods may be called by any goroutine at any time.
type Owners[K comparable, E any] struct {
	index[K, E]
	audience[K, *E]
}

// NewOwners returns an empty registry of owners. Of one owner keyOf always returns the same; it is called often, also under locks.
func NewOwners[K comparable, E any](keyOf func(owner *E) K) *Owners[K, E] {
	return &Owners[K, E]{index: index[K, E]{seed: maphash.MakeSeed(), keyOf: keyOf}}
}

// Register makes owner the owner of key, which must be its own. If the key is taken it changes nothing and returns the present
// owner and false; registering again by the same owner is no exception. It panics if the owner has another key.
func (o *Owners[K, E]) Register(key K, owner *E) (existing *E, ok bool) {
	if own := o.keyOf(owner); own != key {
		panic(fmt.Sprintf("registry: register under %v who is %v", key, own))
	}
	h := o.hash(key)
	s := o.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, _ := o.find(s, h, key); e != nil {
		return e, false
	}
	o.insertLocked(s, h, owner)
	o.notify(Registered, key, owner)
	return nil, true
}

// Lookup returns the owner of key. The owner may have died by the time the caller looks at it.
func (o *Owners[K, E]) Lookup(key K) (owner *E, ok bool) {
	owner = o.lookup(key)
	return owner, owner != nil
}

// Unregister frees key if owner owns it, and reports whether it did. Another owner's place is left alone.
func (o *Owners[K, E]) Unregister(key K, owner *E) bool {
	h := o.hash(key)
	s := o.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, at := o.find(s, h, key)
	if e == nil || e != owner {
		return false
	}
	o.removeLocked(s, at)
	o.notify(Unregistered, key, owner)
	return true
}

// All yields every key with its owner, each key at most once, in no order. What is registered during the whole call is
// yielded; what comes or goes meanwhile may be. The registry may be changed while ranging.
func (o *Owners[K, E]) All() iter.Seq2[K, *E] {
	return func(yield func(K, *E) bool) {
		o.visit(func(e *E) bool { return yield(o.keyOf(e), e) })
	}
}
