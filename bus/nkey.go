package bus

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// nkeyFile signs with the key whose seed is in a file, also after another one was put in its place. The client signs with what the
// file holds at the time, and would go on to call itself by the key that it began with.
type nkeyFile struct {
	path string
	conn atomic.Pointer[nats.Conn]
}

// options returns what makes a connection use the key.
func (f *nkeyFile) options() []nats.Option {
	sign := func(nonce []byte) ([]byte, error) {
		pair, err := readNkey(f.path)
		if err != nil {
			return nil, err
		}
		defer pair.Wipe()
		return pair.Sign(nonce)
	}
	use := func(o *nats.Options) error {
		public, err := f.public()
		if err != nil {
			return err
		}
		return nats.Nkey(public, sign)(o)
	}
	// It is asked where to connect next, under the lock of the connection and just before the key is shown; where to is left open.
	again := func([]nats.Server, nats.ServerInfo) (*nats.Server, time.Duration) {
		if nc := f.conn.Load(); nc != nil {
			if public, err := f.public(); err == nil {
				nc.Opts.Nkey = public
			}
		}
		return nil, 0
	}
	return []nats.Option{use, nats.ReconnectToServer(again)}
}

func (f *nkeyFile) public() (string, error) {
	pair, err := readNkey(f.path)
	if err != nil {
		return "", err
	}
	defer pair.Wipe()
	return pair.PublicKey()
}

// CheckNkey returns why the file holds no seed of a user's key, nil when it does.
func CheckNkey(path string) error {
	pair, err := readNkey(path)
	if err == nil {
		pair.Wipe()
	}
	return err
}

// readNkey reads a user's key. What it says of a file that holds none shows nothing of it.
func readNkey(path string) (nkeys.KeyPair, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("bus: nkey: %w", err)
	}
	defer clear(text)
	pair, err := nkeys.ParseDecoratedNKey(text)
	if err != nil {
		return nil, fmt.Errorf("bus: nkey: %s holds no seed", path)
	}
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, fmt.Errorf("bus: nkey: %s holds no seed of a user", path)
	}
	return pair, nil
}
