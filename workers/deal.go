package workers

import (
	"cmp"
	"slices"
	"strings"

	"trackerfleet/bus"
)

// member is a worker that partitions may be dealt to.
type member struct {
	worker      string
	incarnation string
	weight      int // its share beside the others'; at least 1
}

// members returns the live workers that take partitions, by name. Of two processes that use one name only the first is
// dealt to.
func members(live []bus.Peer) []member {
	var all []member
	for _, p := range live {
		if !p.Draining {
			all = append(all, member{worker: p.Worker, incarnation: p.Incarnation, weight: max(p.Capacity, 1)})
		}
	}
	slices.SortFunc(all, func(a, b member) int {
		return cmp.Or(strings.Compare(a.worker, b.worker), strings.Compare(a.incarnation, b.incarnation))
	})
	return slices.CompactFunc(all, func(a, b member) bool { return a.worker == b.worker })
}

// deal returns which member each partition should be owned by, "" where there is none. Every worker with the same view deals
// the same. Each member gets its weight's share, to within one; a member keeps what it has up to that, so no more
// partitions move than must; what has to move goes by rendezvous hashing with that bound (Mirrokni, Thorup and
// Zadimoghaddam, Consistent Hashing with Bounded Loads).
func deal(owners []bus.Owner, all []member) []string {
	wish := make([]string, len(owners))
	if len(all) == 0 {
		return wish
	}
	held := make([][]int, len(all)) // partitions by member
	for p, o := range owners {
		i := slices.IndexFunc(all, func(m member) bool { return m.holds(o) })
		if i >= 0 {
			held[i] = append(held[i], p)
		}
	}
	room := quotas(len(owners), all, held)
	for i, m := range all {
		keep := min(len(held[i]), room[i])
		if keep < len(held[i]) {
			sortByWeight(held[i], m.worker)
		}
		for _, p := range held[i][:keep] {
			wish[p] = m.worker
		}
		room[i] -= keep
	}
	for p := range wish {
		if wish[p] == "" {
			i := heaviest(p, all, room)
			wish[p] = all[i].worker
			room[i]--
		}
	}
	return wish
}

// sortByWeight puts those partitions first that a worker has the highest rendezvous weights for.
func sortByWeight(partitions []int, worker string) {
	var weights [bus.Partitions]uint64
	for _, p := range partitions {
		weights[p] = weight(p, worker)
	}
	slices.SortFunc(partitions, func(p, q int) int { return cmp.Compare(weights[q], weights[p]) })
}

// holds reports whether a partition is m's, or on its way to m: what is under way counts there, or the shares would be dealt anew
// with every step of a hand-over.
func (m member) holds(o bus.Owner) bool {
	return o.HeldBy(m.worker, m.incarnation) || o.State == bus.Released && o.To == m.worker
}

// heaviest returns the member with room that has the highest rendezvous weight for a partition.
func heaviest(partition int, all []member, room []int) int {
	best, most := -1, uint64(0)
	for i, m := range all {
		if w := weight(partition, m.worker); room[i] > 0 && (best < 0 || w > most) {
			best, most = i, w
		}
	}
	return best
}

// quotas returns how many of n partitions each member gets: its share rounded down, and one more for those that hold the
// most beyond it, until all are given out.
func quotas(n int, all []member, held [][]int) []int {
	total := 0
	for _, m := range all {
		total += m.weight
	}
	room := make([]int, len(all))
	left := n
	order := make([]int, len(all))
	for i, m := range all {
		room[i] = n * m.weight / total
		left -= room[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Compare(len(held[j])-room[j], len(held[i])-room[i])
	})
	for _, i := range order[:left] {
		room[i]++
	}
	return room
}
