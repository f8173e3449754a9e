package registry

import "hash/maphash"

// Registry maps keys to owners without a value of their own beside them.
type Registry[K, P comparable] = Table[K, P, struct{}]

// Table maps a key K to its one owner P, usually a pointer, and a value V that only the owner changes.
// Make one with [New] or [NewTable]. All methods may be called by any goroutine at any time.
type Table[K, P comparable, V any] struct {
	index[K, entry[K, P, V]]
	audience[K, P]
}

// entry is immutable once published. The value stands first because a zero-size last field would be padded.
type entry[K, P comparable, V any] struct {
	value V
	key   K
	owner P
}

// New returns an empty registry without values.
func New[K, P comparable]() *Registry[K, P] { return NewTable[K, P, struct{}]() }

// NewTable returns an empty registry with values.
func NewTable[K, P comparable, V any]() *Table[K, P, V] {
	keyOf := func(e *entry[K, P, V]) K { return e.key }
	return &Table[K, P, V]{index: index[K, entry[K, P, V]]{seed: maphash.MakeSeed(), keyOf: keyOf}}
}

// Register makes owner the owner of key, with the zero value. If the key is taken it changes nothing and returns the
// present owner and false; registering again by the same owner is no exception.
func (t *Table[K, P, V]) Register(key K, owner P) (existing P, ok bool) {
	var value V
	return t.RegisterValue(key, owner, value)
}

// RegisterValue is Register with a first value.
func (t *Table[K, P, V]) RegisterValue(key K, owner P, value V) (existing P, ok bool) {
	h := t.hash(key)
	s := t.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, _ := t.find(s, h, key); e != nil {
		return e.owner, false
	}
	t.insertLocked(s, h, &entry[K, P, V]{key: key, owner: owner, value: value})
	t.notify(Registered, key, owner)
	return existing, true
}

// Lookup returns the owner of key. The owner may have died by the time the caller looks at it.
func (t *Table[K, P, V]) Lookup(key K) (owner P, ok bool) {
	if e := t.lookup(key); e != nil {
		return e.owner, true
	}
	return owner, false
}

// Value returns the owner of key with its value, both of one moment.
func (t *Table[K, P, V]) Value(key K) (owner P, value V, ok bool) {
	if e := t.lookup(key); e != nil {
		return e.owner, e.value, true
	}
	return owner, value, false
}

// Unregister frees key if owner owns it, and reports whether it did. Another owner's entry is left alone.
func (t *Table[K, P, V]) Unregister(key K, owner P) bool {
	h := t.hash(key)
	s := t.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, at := t.find(s, h, key)
	if e == nil || e.owner != owner {
		return false
	}
	t.removeLocked(s, at)
	t.notify(Unregistered, key, owner)
	return true
}

// Replace hands key from owner old to owner next, keeping the value, if old owns it, and reports whether it did.
// At no moment is the key free. Listeners see Unregistered of old, then Registered of next.
func (t *Table[K, P, V]) Replace(key K, old, next P) bool {
	h := t.hash(key)
	s := t.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, at := t.find(s, h, key)
	if e == nil || e.owner != old {
		return false
	}
	at.replace(&entry[K, P, V]{key: e.key, owner: next, value: e.value})
	t.notify(Unregistered, key, old)
	t.notify(Registered, key, next)
	return true
}

// Update sets the value of key to change(value) and returns the new value. Anyone but the owner gets [ErrNotOwner], and
// change is not run. change runs at most once, excludes other writers of the shard and must not write to the table.
// Nothing is changed if it panics.
func (t *Table[K, P, V]) Update(key K, owner P, change func(V) V) (V, error) {
	h := t.hash(key)
	s := t.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, at := t.find(s, h, key)
	if e == nil || e.owner != owner {
		var none V
		return none, ErrNotOwner
	}
	value := change(e.value)
	at.replace(&entry[K, P, V]{key: e.key, owner: owner, value: value})
	return value, nil
}
