package workers

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// threeServers runs servers that replicate, with stores synced at every write.
func threeServers(b *testing.B) (urls []string, replicas int) {
	const size = 3
	var routes []*url.URL
	for range size {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		l.Close()
	}
	for i, route := range routes {
		_, port, _ := net.SplitHostPort(route.Host)
		var number int
		fmt.Sscan(port, &number)
		srv, err := natsserver.NewServer(&natsserver.Options{
			ServerName: fmt.Sprintf("n-%d", i), Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: b.TempDir(), SyncAlways: true, Routes: routes,
			Cluster: natsserver.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: number},
		})
		if err != nil {
			b.Fatal(err)
		}
		srv.Start()
		b.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
		if !srv.ReadyForConnections(10 * time.Second) {
			b.Fatal("a server did not start")
		}
		urls = append(urls, srv.ClientURL())
	}
	return urls, size
}
