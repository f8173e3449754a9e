package integration

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"trackerfleet/integration/process"
)

func (c *chaos) log(kind string, v *victim, lasts time.Duration) {
	c.struck[kind]++
	c.t.Logf("%s %s %s for %v", time.Now().Format("05.000"), kind, v.Name, lasts)
}

// any draws a worker.
func (c *chaos) any() *victim { return c.victims[c.r.IntN(len(c.victims))] }

func (c *chaos) join() {
	c.names++
	v := &victim{way: process.StartProxy(c.t, c.fleet.server.URL[len("nats://"):])}
	config := c.workerConfig(fmt.Sprint("w-", c.names))
	config.Server = "nats://" + v.way.Address
	v.Worker = process.LaunchWorker(c.t, config)
	c.victims = append(c.victims, v)
	c.log("join", v, 0)
}

func (c *chaos) grow() {
	if len(c.victims) < 4 {
		c.join()
	}
}

func (c *chaos) leave(v *victim) {
	c.victims = slices.DeleteFunc(c.victims, func(o *victim) bool { return o == v })
}

func (c *chaos) kill() {
	v := c.any()
	c.log("kill", v, 0)
	v.Kill()
	c.leave(v)
}

func (c *chaos) term() {
	v := c.any()
	c.log("term", v, 0)
	v.Signal(c.t, syscall.SIGTERM)
	c.leave(v)
}

// lasting strikes a worker for a while.
func (c *chaos) lasting(kind string, lasts time.Duration, begin, end func(*victim)) {
	v := c.any()
	c.log(kind, v, lasts)
	begin(v)
	c.remedies = append(c.remedies, remedy{time.Now().Add(lasts), func() { end(v) }})
}

func heal(v *victim) { v.way.Heal() }

func (c *chaos) pause() {
	c.lasting("pause", c.between(chaosLease/2, 3*chaosLease),
		func(v *victim) { v.Signal(c.t, syscall.SIGSTOP) }, func(v *victim) { v.Signal(c.t, syscall.SIGCONT) })
}

func (c *chaos) cut() {
	c.lasting("cut", c.between(chaosLease/2, 3*chaosLease), func(v *victim) { v.way.Cut() }, heal)
}

func (c *chaos) swallow() {
	c.lasting("swallow", c.between(100*time.Millisecond, chaosLease), func(v *victim) { v.way.SwallowReplies() }, heal)
}

func (c *chaos) slow() {
	c.lasting("slow", c.between(chaosLease/2, 2*chaosLease), func(v *victim) { v.way.Delay(200 * time.Millisecond) }, heal)
}

func (c *chaos) killServer() {
	c.struck["server"]++
	lasts := c.between(100*time.Millisecond, 3*time.Second)
	c.t.Logf("%s server killed for %v", time.Now().Format("05.000"), lasts)
	c.fleet.server.Kill()
	c.wait(lasts)
	c.fleet.server.Restart(c.t)
}
