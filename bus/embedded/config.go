package embedded

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// InProcessOnly as [Config.Port] opens no listener: only connections made with nats.InProcessServer reach the server.
const InProcessOnly = -1

// Config says how the server runs. The zero value is a server on a free loopback port with a store that is gone after Stop.
type Config struct {
	// Dir holds the store and is created if need be. Empty: a new temporary folder, removed by Stop.
	Dir string
	// Host is the address to listen on; empty: 127.0.0.1. The server has no authentication of its own.
	Host string
	// Port to listen on; 0: a free one, see Server.URL; [InProcessOnly]: none.
	Port int
	// Name of the server; empty: one made up by the server.
	Name string
	// MaxStoreBytes limits the file store; 0: three quarters of what is free on the disk, as nats-server decides.
	MaxStoreBytes int64
	// ReadyTimeout is how long Start waits for recovery of the store; 0: 30 s.
	ReadyTimeout time.Duration
	// Logger receives what the server logs; nil: nothing is logged.
	Logger Logger
}

// Logger receives the server's log lines. Its methods are called from many goroutines. Fatalf must return: the error
// reaches the caller of Start.
type Logger interface {
	Debugf(format string, v ...any)
	Infof(format string, v ...any)
	Warnf(format string, v ...any)
	Errorf(format string, v ...any)
}

func (c Config) withDefaults() Config {
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	if c.ReadyTimeout == 0 {
		c.ReadyTimeout = 30 * time.Second
	}
	return c
}

func (c Config) validate() error {
	var faults []error
	if c.Port < InProcessOnly || c.Port > 65535 {
		faults = append(faults, fmt.Errorf("embedded: port %d: must be 0 to 65535, or -1 for in-process connections only", c.Port))
	}
	if net.ParseIP(c.Host) == nil && c.Host != "localhost" {
		faults = append(faults, fmt.Errorf("embedded: host %q: must be an IP address or localhost", c.Host))
	}
	if c.MaxStoreBytes < 0 {
		faults = append(faults, fmt.Errorf("embedded: store limit %d: must not be negative", c.MaxStoreBytes))
	}
	if c.ReadyTimeout < 0 {
		faults = append(faults, fmt.Errorf("embedded: ready timeout %v: must not be negative", c.ReadyTimeout))
	}
	return errors.Join(faults...)
}
