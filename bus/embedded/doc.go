// Package embedded runs a nats-server with JetStream inside the process, so that one binary is enough on one machine.
//
// It promises what a separate server with the shipped settings promises: a write that was acknowledged is on disk
// (SyncAlways). It listens on loopback only unless told otherwise, and Stop returns once the server has let go of its
// files. It is the only package outside tests that imports nats-server.
package embedded
