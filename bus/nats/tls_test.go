package nats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func template(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

// newAuthority writes ca.crt into dir.
func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: template("authority"), key: key}
	a.cert.IsCA, a.cert.BasicConstraintsValid, a.cert.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "ca.crt"), "CERTIFICATE", der)
	return a
}

// issue writes name.crt and name.key into dir.
func (a *authority) issue(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template(name), a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".crt"), "CERTIFICATE", der)
	if der, err = x509.MarshalECPrivateKey(key); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".key"), "EC PRIVATE KEY", der)
}

func write(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTLS: who has no certificate of the authority, speaks an old TLS or none gets nowhere, and a certificate is no password.
func TestTLS(t *testing.T) {
	dir, foreign := t.TempDir(), t.TempDir()
	a := newAuthority(t, dir)
	a.issue(t, dir, "node")
	a.issue(t, dir, "client")
	newAuthority(t, foreign).issue(t, foreign, "client")
	opts := options(t, copied(t, "tls.conf", "/etc/nats/tls", dir))
	url := start(t, opts)

	ca := nats.RootCAs(filepath.Join(dir, "ca.crt"))
	cert := nats.ClientCert(filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key"))
	first, user := nats.TLSHandshakeFirst(), nats.UserInfo("worker", password("worker"))
	old := func(o *nats.Options) error {
		o.TLSConfig.MaxVersion = tls.VersionTLS11
		return nil
	}
	for name, tc := range map[string]struct {
		options []nats.Option
		allowed bool
	}{
		"all that is asked for": {[]nats.Option{ca, cert, first, user}, true},
		"no TLS":                {[]nats.Option{user}, false},
		"TLS after a hello":     {[]nats.Option{ca, cert, user}, false},
		"no certificate":        {[]nats.Option{ca, first, user}, false},
		"another's certificate": {[]nats.Option{ca, nats.ClientCert(filepath.Join(foreign, "client.crt"), filepath.Join(foreign, "client.key")), first, user}, false},
		"no password":           {[]nats.Option{ca, cert, first}, false},
		"TLS 1.1":               {[]nats.Option{ca, cert, first, user, old}, false},
	} {
		nc, err := nats.Connect(strings.Replace(url, "nats://", "tls://", 1), append(tc.options, nats.Timeout(3*time.Second))...)
		if (err == nil) != tc.allowed {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			nc.Close()
		}
	}
}

// TestTLSAmongNodes: the block for the cluster that takes the place of the one in nats.conf says the same, and TLS.
func TestTLSAmongNodes(t *testing.T) {
	environment(t)
	dir := t.TempDir()
	newAuthority(t, dir).issue(t, dir, "node")
	plain, err := server.ProcessConfigFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	secure, err := server.ProcessConfigFile(copied(t, "tls.conf", "/etc/nats/tls", dir))
	if err != nil {
		t.Fatal(err)
	}
	p, s := plain.Cluster, secure.Cluster
	if s.Name != p.Name || s.Host != p.Host || s.Port != p.Port || s.NoAdvertise != p.NoAdvertise || s.Username != p.Username || s.Password != p.Password {
		t.Errorf("with TLS %+v, without %+v", s, p)
	}
	if s.TLSConfig == nil || s.TLSConfig.ClientAuth != tls.RequireAndVerifyClientCert || s.TLSConfig.MinVersion != tls.VersionTLS12 {
		t.Errorf("TLS among nodes: %+v", s.TLSConfig)
	}
}
