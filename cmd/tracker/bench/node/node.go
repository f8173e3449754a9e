package node

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Node is a stand-in that serves. Make one with [Start].
type Node struct {
	http    *http.Server
	address string
	serving sync.WaitGroup
	broken  error // of Serve; read after serving
}

// Start starts a node on a port of loopback that is free, with a block every blockTime, which must be positive. It serves until Close.
func Start(blockTime time.Duration) (*Node, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n := &Node{address: l.Addr().String(), http: &http.Server{
		Handler: newChain(time.Now(), blockTime), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}
	n.serving.Go(func() { n.broken = n.http.Serve(l) })
	return n, nil
}

// URL is where it serves.
func (n *Node) URL() string { return "http://" + n.address }

// Close ends it and returns when it has ended, with what ended it before. Requests under way are cut off.
func (n *Node) Close() error {
	err := n.http.Close()
	n.serving.Wait()
	if !errors.Is(n.broken, http.ErrServerClosed) {
		err = errors.Join(n.broken, err)
	}
	return err
}
