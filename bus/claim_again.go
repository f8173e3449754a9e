package bus

import "context"

// Reclaim claims partitions in a stream that was made anew, for a worker that held them in the one before: the Epoch of each of
// held is the one under which it did. Of several who believe that they did, the one with the highest epoch gets the partition,
// whoever comes first, and nobody whose successor has claimed it in the new stream in the usual way. It returns the partitions
// with their new epochs, and those that are others' as they are by now. When it fails, some may have been claimed.
func (c *Claims) Reclaim(ctx context.Context, worker, incarnation string, held ...Owner) (won, lost []Owner, err error) {
	before := make(map[int]uint64, len(held))
	open := make([]int, 0, len(held))
	for _, o := range held {
		before[o.Partition] = o.Epoch
		open = append(open, o.Partition)
	}
	for len(open) > 0 {
		now, err := c.OwnersOf(ctx, open...)
		if err != nil {
			return won, lost, err
		}
		var seen []Owner
		for _, o := range now {
			switch {
			case o.HeldBy(worker, incarnation):
				won = append(won, o)
			case o.Epoch == 0 || o.Before != 0 && o.Before < before[o.Partition]:
				seen = append(seen, o)
			default:
				lost = append(lost, o)
			}
		}
		claimed, overtaken, err := c.change(ctx, seen, func(o Owner) Owner {
			return Owner{
				Partition: o.Partition, Worker: worker, Incarnation: incarnation, State: Owned, Before: before[o.Partition],
			}
		})
		won = append(won, claimed...)
		if err != nil {
			return won, lost, err
		}
		open = open[:0]
		for _, o := range overtaken {
			open = append(open, o.Partition)
		}
	}
	return won, lost, nil
}
