package bus

import (
	"context"
	"fmt"
	"iter"
)

// List returns one page of the trackers that r.Filter chooses. It fails with [ErrInvalid] if the filter is faulty.
func (c *Client) List(ctx context.Context, r ListRequest) (ListReply, error) {
	var reply ListReply
	if _, err := ParseFilter(r.Filter); err != nil {
		return reply, err
	}
	err := c.askAny(ctx, route{public: SubjectList, repeat: true}, r, &reply)
	return reply, err
}

// Trackers returns all trackers that filter chooses, page by page as they are asked for. Those that start or end meanwhile
// may or may not be among them. The last pair has the error, if there is one, and no tracker: [ErrUnavailable] too if some
// partitions could not answer, after all the others did. Each page has its own deadline if ctx has none.
func (c *Client) Trackers(ctx context.Context, filter string) iter.Seq2[*Tracker, error] {
	return func(yield func(*Tracker, error) bool) {
		r := ListRequest{Filter: filter, Limit: MaxListLimit}
		incomplete := false
		for {
			page, err := c.List(ctx, r)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Trackers {
				if !yield(&page.Trackers[i], nil) {
					return
				}
			}
			incomplete = incomplete || page.Incomplete
			if page.Cursor == "" {
				break
			}
			if page.Cursor == r.Cursor {
				yield(nil, fmt.Errorf("%w: page %q leads to itself", ErrInternal, r.Cursor))
				return
			}
			r.Cursor = page.Cursor
		}
		if incomplete {
			yield(nil, fmt.Errorf("%w: some partitions could not answer", ErrUnavailable))
		}
	}
}
