// Package supervision starts, restarts, stops and lists children, as Elixir's DynamicSupervisor does, for very many
// children that mostly wait.
//
// A child is a [Server], the GenServer with its mailbox, or a [Process], a blocking function. An idle Server hibernates: it
// has no goroutine, timer, channel or context until the next message. Its identity and its state stay.
//
// Guarantees:
//
//   - One life at a time. A successor's Init begins only after its predecessor returned, or was abandoned and fenced: its
//     context is cancelled with [ErrAbandoned], its replies count for nothing, and what it returns is ignored.
//   - A panic or runtime.Goexit in a child's own goroutine is that child's crash and nobody else's. What a child does in
//     goroutines that it starts itself cannot be contained.
//   - A child that crashes more often than its [Intensity] allows is parked. It keeps its name until [Supervisor.Resume] or
//     [Supervisor.TerminateChild]; no other child notices.
//   - Order at the end: Terminate returned, the name is free, whoever stops the child is answered, then the Down event.
//   - A message is handled at most once, in order per sender. The message a child crashes on is not handled again; those
//     behind it are, after the restart.
//   - Nothing sent is dropped silently: Call, Cast and Info return [ErrOverloaded] when the mailbox is full.
//   - The observer sees each child's events in order and never holds a child up.
//
// There is no central goroutine and no lock shared by children on the way of a start, a message or a restart, beyond those of
// the registry and, if there is an observer, of its queue. Lock order: child, then registry, event queue, leak list, scope.
package supervision
