package bubble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

// inFlight has the stream answer some conditional writes with error 10164, as a cluster's leader does while another conditional
// write to the subject is being replicated. Of those that it answers so, every other is stored nevertheless, as an earlier
// attempt is that was only slow; the others are not.
type inFlight struct {
	believed bool // the client is told that what was not stored is: a mutant that takes the error for done

	mu      sync.Mutex
	on      bool
	writes  int
	pending map[string]bool // reply subjects of writes that will be answered so, and whether they are stored
	newest  uint64          // sequence in any acknowledgement
	stored  int             // answers for what is stored
	refused int             // and for what is not
}

func newInFlight(believed bool) *inFlight {
	return &inFlight{believed: believed, pending: make(map[string]bool)}
}

// often is how many writes there are for one that is answered so.
const often = 5

func (c *inFlight) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = true
}

// said looks at what a client publishes: a message that ends a batch, or one by itself, with a condition.
func (c *inFlight) said(f *frame) {
	opens := bytes.Contains(f.headers, []byte("\nNats-Batch-Id:")) && !bytes.Contains(f.headers, []byte("\nNats-Batch-Commit:"))
	if f.reply() == "" || opens || !expected.Match(f.headers) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on {
		c.writes++
	}
	if !c.on || c.writes%often != 0 {
		return
	}
	stored := c.writes/often%2 == 0 && !c.believed
	c.pending[f.reply()] = stored
	if !stored { // the condition cannot hold
		f.headers = expected.ReplaceAll(f.headers, []byte("\nNats-Expected-Last-Subject-Sequence: 999999999"))
	}
}

// answers looks at what a client is told.
func (c *inFlight) answers(f *frame) {
	var ack struct {
		Sequence uint64          `json:"seq"`
		Error    json.RawMessage `json:"error"`
	}
	if json.Unmarshal(f.payload, &ack) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newest = max(c.newest, ack.Sequence)
	stored, asked := c.pending[f.words[0]]
	if !asked || stored == (ack.Error != nil) { // not stored for another reason
		return
	}
	delete(c.pending, f.words[0])
	switch {
	case c.believed:
		c.newest += 1000 // a batch would end there
		f.payload = fmt.Appendf(nil, `{"stream":"TRACKER","seq":%d}`, c.newest)
	default:
		f.payload = []byte(`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"TRACKER","seq":0}`)
	}
	if stored {
		c.stored++
	} else {
		c.refused++
	}
}

// TestAWriteInFlightIsNeitherDoneNorLost answers a fleet's writes with error 10164, for writes that are stored and for others:
// whoever reads again what has become of them loses nothing and does nothing twice.
func TestAWriteInFlightIsNeitherDoneNorLost(t *testing.T) {
	for _, tc := range []struct {
		name     string
		believed bool
		want     checker.Outcome
	}{
		{"read again", false, checker.Held},
		{"taken for done", true, checker.Violated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newInFlight(tc.believed)
			v := inBubble(t, func(on *site) checker.Verdict { return conflicted(&storm{site: on}, c) })
			if v.Outcome != tc.want {
				t.Errorf("want %s: %s", tc.want, v)
			}
			if c.refused == 0 || c.stored == 0 && !tc.believed {
				t.Errorf("void: %d were answered that are stored, %d that are not", c.stored, c.refused)
			}
		})
	}
}

// conflicted returns the verdict on two workers whose writes are in flight again and again, from when they share the partitions.
func conflicted(s *storm, c *inFlight) checker.Verdict {
	s.chain.Wait = 8
	s.said, s.answers = c.said, c.answers
	asking := s.joinTwo()
	c.begin()
	for i := range 60 {
		asking.spawn(fmt.Sprint("t", i), "confirm")
		time.Sleep(s.chain.BlockTime / 4)
	}
	s.strike(fault{kind: kill})
	v, _ := asking.judge(0, s.fenced())
	asking.owners.Stop()
	s.end()
	return v
}
