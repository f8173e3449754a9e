package tracker

import "trackerfleet/bus"

// noLabels are those of all trackers that have none. Who shows an object does not change it.
var noLabels = map[string]string{}

// Object returns r as the contract's tracker object. Head is the latest height that the source knows and makes the
// confirmations current; 0: unknown. The caller knows better than the record about worker, the phases that aren't durable
// and the checks, and sets those.
func (r *Record) Object(head uint64) bus.Tracker {
	t := bus.Tracker{
		TransactionID: r.id, Source: r.Source(), Run: r.Run(), Phase: r.Phase(), Status: r.Status(),
		Partition: r.id.Partition(), Epoch: r.epoch, Incarnation: r.incarnation, Restarts: r.Restarts(),
		StartedAt: r.StartedAt(), UpdatedAt: r.UpdatedAt(), Deadline: r.deadline.pointer(), LastError: r.LastError(),
		Result: r.Result(), Labels: r.Labels(), Meta: r.Meta(), Events: r.events,
	}
	if t.Labels == nil {
		t.Labels = noLabels
	}
	if pl := r.place; pl != nil {
		if r.phase == finished {
			head = 0
		}
		t.Progress = &bus.Progress{Have: pl.have(max(head, r.head)), Need: pl.Need}
	}
	return t
}
