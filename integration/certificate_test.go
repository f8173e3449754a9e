package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/integration/process"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func certificate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: certificate("authority"), key: key}
	a.cert.IsCA, a.cert.BasicConstraintsValid, a.cert.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

// issue writes name.crt and name.key into dir, over those that are there.
func (a *authority) issue(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, certificate(name), a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"crt": {Type: "CERTIFICATE", Bytes: cert}, "key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name+"."+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// sealed is a fleet whose server speaks TLS and asks for a certificate, which workers reach through a proxy.
type sealed struct {
	*fleet
	dir     string // of ca.crt, server.crt, client.crt
	good    *authority
	proxy   *process.Proxy
	further string // of the server's configuration
	first   bool   // the handshake comes before everything else
}

func newSealed(t *testing.T, first bool, names ...string) *sealed {
	t.Helper()
	s := &sealed{dir: t.TempDir(), good: newAuthority(t), first: first}
	s.trust(t, s.good)
	s.good.issue(t, s.dir, "server")
	s.good.issue(t, s.dir, "client")
	file := func(name string) string { return filepath.Join(s.dir, name) }
	if err := os.WriteFile(file("server.ca"), s.good.pem, 0o600); err != nil { // whom the server trusts, which does not change
		t.Fatal(err)
	}
	s.further = fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true, handshake_first: %t, timeout: 5 }",
		file("server.crt"), file("server.key"), file("server.ca"), first)
	s.fleet = &fleet{server: process.StartConfigured(t, s.further)}
	s.client = newClient(t, s.server.Connect(t, s.options()...))
	address := strings.TrimPrefix(s.server.URL, "nats://")
	s.proxy = process.StartProxy(t, address)
	for _, name := range names {
		config := s.leasedConfig(name)
		config.Server = "tls://" + s.proxy.Address
		config.Env = []string{
			"TRACKER_TLS_CA=" + file("ca.crt"), "TRACKER_TLS_CERT=" + file("client.crt"), "TRACKER_TLS_KEY=" + file("client.key"),
			fmt.Sprintf("TRACKER_TLS_HANDSHAKE_FIRST=%t", first),
		}
		s.workers = append(s.workers, process.LaunchWorker(t, config))
	}
	for _, w := range s.workers {
		w.AwaitReady(t)
	}
	s.awaitShared(t, s.workers...)
	return s
}

// trust writes the authorities whose certificates clients accept.
func (s *sealed) trust(t *testing.T, authorities ...*authority) {
	t.Helper()
	var all []byte
	for _, a := range authorities {
		all = append(all, a.pem...)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "ca.crt"), all, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *sealed) options() []nats.Option {
	options := []nats.Option{
		nats.RootCAs(filepath.Join(s.dir, "ca.crt")), nats.ClientCert(filepath.Join(s.dir, "client.crt"), filepath.Join(s.dir, "client.key")),
	}
	if s.first {
		options = append(options, nats.TLSHandshakeFirst())
	}
	return options
}

// shown returns the serial number of the certificate that the server shows to who connects now.
func (s *sealed) shown(t *testing.T) string {
	t.Helper()
	nc := s.server.Connect(t, s.options()...)
	defer nc.Close()
	state, err := nc.TLSConnectionState()
	if err != nil {
		t.Fatal(err)
	}
	return serial(state)
}

func serial(state tls.ConnectionState) string { return state.PeerCertificates[0].SerialNumber.String() }

// TestReplacedCertificates replaces the server's certificate under load, by a reload: by one of the same authority, which nobody
// notices; by one of an authority that nobody trusts, on which workers are not ready and say why as soon as they have to connect;
// and there is a way back on either side, the server's and the workers'. Nothing moves.
func TestReplacedCertificates(t *testing.T) {
	takesAWhile(t)
	for name, first := range map[string]bool{"handshake first": true, "handshake after the greeting": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSealed(t, first, "w-1", "w-2")
			l := newLoad(s.client, "certificate")
			stop := l.spawnLasting(t, 20)
			trackers, moves := l.lasting(t, 20), metrics(t, s.workers, "partition_moves_total")
			other, refused, renewed := newAuthority(t), 0, 0
			l.pour(t, 10*time.Millisecond, func() {
				l.awaitMore(t, 50)
				before := s.shown(t)
				s.good.issue(t, s.dir, "server")
				s.server.Reload(t, s.further)
				if s.shown(t) != before {
					renewed++
				}
				l.awaitMore(t, 50)
				for _, w := range s.workers {
					if n := w.Said("disconnected from nats"); n > 0 {
						t.Errorf("%s was disconnected %d times by a new certificate", w.Name, n)
					}
				}

				other.issue(t, s.dir, "server")
				s.server.Reload(t, s.further)
				s.reconnect()
				awaitUnready(t, "certificate signed by unknown authority", s.workers...)
				refused++
				s.good.issue(t, s.dir, "server")
				s.server.Reload(t, s.further)
				awaitReady(t, s.workers...)

				other.issue(t, s.dir, "server")
				s.server.Reload(t, s.further)
				s.reconnect()
				for _, w := range s.workers {
					process.Await(t, patience, func() error { return unready(t, w) })
				}
				s.trust(t, s.good, other)
				awaitReady(t, s.workers...)
				l.awaitMore(t, 50)
			})
			if got := l.lasting(t, 20); !maps.Equal(got, trackers) {
				t.Errorf("trackers are others than before:\n%v\n%v", trackers, got)
			}
			if got := metrics(t, s.workers, "partition_moves_total"); got != moves {
				t.Errorf("%v partitions were taken over though nobody could be reached", got-moves)
			}
			stop()
			stayed(t, s.workers...)
			t.Log(l.judge(t, map[string]int{"new certificate": renewed, "refused certificate": refused}))
		})
	}
}

// reconnect has every worker connect anew.
func (s *sealed) reconnect() {
	s.proxy.Cut()
	s.proxy.Heal()
}
