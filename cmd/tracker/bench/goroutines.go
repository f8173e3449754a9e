package bench

import (
	"runtime"
	"sync"
	"time"
)

// mailboxed is what people write first: a goroutine with a mailbox, found in a map.
type mailboxed struct {
	id      string
	mailbox chan func()
}

func (m *mailboxed) run() {
	for f := range m.mailbox {
		f()
	}
}

// goroutines starts n goroutines with a mailbox each, registers them in a map, and returns how long that took and how many bytes each
// takes. They are gone when it returns.
func goroutines(n int) (took time.Duration, bytes float64) {
	before := inUse()
	all := make(map[string]*mailboxed, n)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = "bench_" + time.Duration(i).String()
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	began := time.Now()
	for _, id := range ids {
		m := &mailboxed{id: id, mailbox: make(chan func(), 1)}
		mu.Lock()
		all[id] = m
		mu.Unlock()
		running.Go(m.run)
	}
	took = time.Since(began)
	bytes = float64(inUse()-before) / float64(n)
	for _, m := range all {
		close(m.mailbox)
	}
	running.Wait()
	return took, bytes
}

// inUse returns the memory of heap and stacks after a collection.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
