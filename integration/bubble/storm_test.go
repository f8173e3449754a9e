package bubble

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// storm runs a plan of faults on a fleet.
type storm struct {
	*site
	names  int
	struck map[kind]int // faults by now; nil: nobody counts
	here   []*member    // not killed and not told to leave
	all    []*member    // every life there was
	ending sync.WaitGroup
	faults sync.WaitGroup // that last
}

const (
	fewest = 2 // workers, of which a fault may still take one
	most   = 5
)

func (s *storm) joinOne() *member {
	s.names++
	m := s.join(fmt.Sprintf("w-%d", s.names))
	s.here, s.all = append(s.here, m), append(s.all, m)
	return m
}

// joinAll starts workers one after the other.
func (s *storm) joinAll(n int) {
	for range n {
		m := s.joinOne()
		if <-m.started; m.err != nil {
			s.t.Fatal(m.err)
		}
	}
}

// run lets the faults strike and returns when the last is over.
func (s *storm) run(plan []fault) {
	begin := time.Now()
	for _, f := range plan {
		time.Sleep(time.Until(begin.Add(f.at)))
		s.strike(f)
	}
	s.faults.Wait()
}

func (s *storm) strike(f fault) {
	switch {
	case len(s.here) < fewest && (f.kind == kill || f.kind == drain):
		f.kind = join
	case len(s.here) >= most && f.kind == join:
		f.kind = kill
	}
	if s.struck != nil {
		s.struck[f.kind]++
	}
	i := f.who % len(s.here)
	m := s.here[i]
	s.log.Warn("FAULT", zap.Stringer("fault", f), zap.String("worker", m.Name()))
	switch f.kind {
	case kill:
		s.here = append(s.here[:i:i], s.here[i+1:]...)
		s.kill(m)
	case drain:
		s.here = append(s.here[:i:i], s.here[i+1:]...)
		s.leave(m, 20*time.Second)
	case join:
		s.joinOne()
	case pause:
		m.gate.hold()
		s.after(f.lasts, m.gate.resume)
	case cut:
		m.gate.cut()
		s.after(f.lasts, m.gate.open)
	case deaf:
		m.gate.deafen()
		s.after(f.lasts, func() { m.gate.cut(); m.gate.open() })
	case restart:
		s.stopServer()
		time.Sleep(f.lasts)
		s.startServer()
	}
}

// after ends a fault once it has lasted.
func (s *storm) after(lasts time.Duration, end func()) {
	s.faults.Go(func() {
		time.Sleep(lasts)
		end()
	})
}

// kill ends a worker as SIGKILL does: not a byte leaves it any more.
func (s *storm) kill(m *member) {
	m.gate.cut()
	m.close()
	s.ending.Go(func() {
		dead, cancel := context.WithCancel(context.Background())
		cancel()
		_ = m.stop(dead) // whatever it says: nobody hears it
	})
}

// leave stops a worker in good order, as SIGTERM does; after patience it is killed.
func (s *storm) leave(m *member, patience time.Duration) {
	s.ending.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := m.stop(ctx); err != nil { // a fault may have struck it meanwhile
			s.log.Warn("drain", zap.String("worker", m.Name()), zap.Error(err))
		}
		m.close()
	})
}

// end stops every worker and waits until all of them are gone.
func (s *storm) end() {
	for _, m := range s.here {
		s.leave(m, time.Minute)
	}
	s.ending.Wait()
}

// fenced counts the writes that the stream refused because their epoch had ended, over all lives.
func (s *storm) fenced() (n int) {
	for _, m := range s.all {
		n += int(m.Stats().Journal.Fenced)
	}
	return n
}
