package bubble

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// patience of a client with one request.
const patience = 4 * time.Second

// client asks for trackers, stops, crashes and looks them up, and remembers what it was told.
type client struct {
	*site
	owners *checker.ClaimLog

	mu        sync.Mutex
	accepted  []checker.Start
	uncertain []checker.Start
	ids       []string          // that were asked for
	params    map[string]string // by ID
	known     map[string]known  // what answers have promised
	lies      []string          // answers that cannot be true
	answers   map[string]int    // by verb and status
}

// known is what a client may count on from then on.
type known struct {
	accepted bool
	events   uint64 // the most that an answer of an owner has shown
	finished bool
}

func newClient(s *site) *client {
	owners, err := checker.WatchClaims(s.t.Context(), s.js, "TRACKER")
	if err != nil {
		s.t.Fatal(err)
	}
	return &client{
		site: s, owners: owners, params: make(map[string]string), known: make(map[string]known), answers: make(map[string]int),
	}
}

// outcomes that starts ask for; those of "pending" come to no end by themselves.
var outcomes = []string{"confirm", "revert", "pending", "replace", "drop", "pending", "reorg"}

// load keeps clients busy until ctx ends.
func (c *client) load(ctx context.Context, seed uint64) {
	var all sync.WaitGroup
	for n := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 100+n))
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				time.Sleep(between(r, 50*time.Millisecond, 600*time.Millisecond))
				c.act(r, fmt.Sprintf("t%d-%d", n, i))
			}
		})
	}
	all.Wait()
}

// act does one thing: starts a transaction, or does something to one of those before.
func (c *client) act(r *rand.Rand, next string) {
	outcome, dice := outcomes[r.IntN(len(outcomes))], r.IntN(10)
	before := c.any(r)
	switch {
	case dice < 2 || before == "":
		c.publish(next, outcome)
	case dice < 4:
		c.spawn(next, outcome)
	case dice < 5:
		c.spawn(before, "")
	case dice < 6:
		c.ask("call", before, fmt.Sprintf(`{"transaction_id":%q,"op":"crash"}`, before))
	case dice < 7:
		c.stop(before)
	default:
		c.lookup(before)
	}
}

// any returns an ID that was asked for, "" when there is none.
func (c *client) any(r *rand.Rand) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) == 0 {
		return ""
	}
	return c.ids[r.IntN(len(c.ids))]
}

// body of a start; one that was asked for before is repeated as it was.
func (c *client) body(id, outcome string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, asked := c.params[id]; !asked {
		c.params[id] = fmt.Sprintf(`{"outcome":%q}`, outcome)
		c.ids = append(c.ids, id)
	}
	return fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id, c.params[id])
}

func (c *client) publish(id, outcome string) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	body := c.body(id, outcome)
	_, err := c.js.Publish(ctx, "tracker.start", []byte(body))
	c.note(id, err == nil)
}

func (c *client) spawn(id, outcome string) {
	r := c.ask("spawn", id, c.body(id, outcome))
	c.note(id, r.Status == "created" || r.Status == "existing" || r.Status == "finished")
	if r.Status == "created" || r.Status == "existing" {
		c.promise(id, func(k *known) { k.accepted = true })
	}
}

func (c *client) note(id string, accepted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if start := (checker.Start{ID: id, Run: 1}); accepted {
		c.accepted = append(c.accepted, start)
	} else {
		c.uncertain = append(c.uncertain, start)
	}
}

func (c *client) promise(id string, add func(*known)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[id]
	add(&k)
	c.known[id] = k
}

// answer is what a client reads of a reply.
type answer struct {
	Status  string `json:"status"`
	Stale   bool   `json:"stale"`
	Tracker struct {
		Events      uint64 `json:"events"`
		Phase       string `json:"phase"`
		Worker      string `json:"worker"`
		Incarnation uint64 `json:"incarnation"`
	} `json:"tracker"`
	Error struct {
		Code string `json:"code"`
	} `json:"error"`
}

// ask asks once. No answer has no status.
func (c *client) ask(verb, id, body string) (a answer) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	m, err := c.nc.RequestWithContext(ctx, "tracker."+verb, []byte(body))
	if err == nil {
		if err := json.Unmarshal(m.Data, &a); err != nil {
			c.t.Errorf("%s of %s is answered with %s", verb, id, m.Data)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[fmt.Sprintf("%s %s%s", verb, a.Status, a.Error.Code)]++
	return a
}

// stop ends a transaction and reports whether it is known to have ended, or to have never begun.
func (c *client) stop(id string) bool {
	a := c.ask("stop", id, id)
	if a.Status == "stopped" || a.Status == "finished" {
		c.promise(id, func(k *known) { k.finished = true })
		return true
	}
	return a.Error.Code == "not_found"
}

// lookup looks up a transaction, holds the answer against what was known when it was asked, and reports whether an owner gave it.
func (c *client) lookup(id string) bool {
	c.mu.Lock()
	before := c.known[id]
	c.mu.Unlock()
	a := c.ask("lookup", id, id)
	lie := ""
	switch {
	case a.Status == "not_found" && before.accepted:
		lie = "not found, though its start was answered"
	case a.Status == "found" && !a.Stale && a.Tracker.Events < before.events:
		lie = fmt.Sprintf("%d events and not stale, after %d", a.Tracker.Events, before.events)
	case a.Status == "found" && !a.Stale && before.finished && a.Tracker.Phase != "finished":
		lie = a.Tracker.Phase + " and not stale, after its end was answered"
	}
	if lie != "" {
		c.mu.Lock()
		c.lies = append(c.lies, fmt.Sprintf("lookup of %s: %s", id, lie))
		c.mu.Unlock()
	}
	if a.Status == "found" && !a.Stale {
		c.promise(id, func(k *known) {
			k.accepted, k.events = true, max(k.events, a.Tracker.Events)
			k.finished = k.finished || a.Tracker.Phase == "finished"
		})
	}
	return a.Status == "found" && !a.Stale
}

// truth holds a terminal event against the chain.
func (c *client) truth(e checker.Event) error {
	truth, err := simulated.TruthOf(c.chain, e.ID, sourcetest.Unwrecked(json.RawMessage(c.params[e.ID])))
	if err != nil {
		return err
	}
	var body struct{ Block *source.BlockRef }
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	return truth.Check(e.Type, body.Block)
}
