package process

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is nats-servers that replicate to each other over loopback. Each is a process of its own, to be killed and restarted.
type Cluster struct {
	Nodes []*Server
}

// StartCluster starts size servers and returns once they have elected who places streams.
func StartCluster(t testing.TB, size int) *Cluster {
	t.Helper()
	ports := make([]int, size)
	var routes []string
	for i := range ports {
		ports[i] = freePort(t)
		routes = append(routes, fmt.Sprintf("\"nats://127.0.0.1:%d\"", ports[i]))
	}
	c := &Cluster{}
	for i, port := range ports {
		node := newServer(t, ServerConfig{}, fmt.Sprintf("n%d", i+1), fmt.Sprintf(
			`cluster { name: "fleet", listen: "127.0.0.1:%d", routes: [%s] }`, port, strings.Join(routes, ", "),
		))
		node.launch(t)
		c.Nodes = append(c.Nodes, node)
	}
	for _, node := range c.Nodes {
		node.awaitReady(t)
	}
	js := c.jetStream(t)
	Await(t, patience, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := js.AccountInfo(ctx)
		return err
	})
	return c
}

// URL returns the URLs of all nodes, as one setting takes them.
func (c *Cluster) URL() string {
	var urls []string
	for _, node := range c.Nodes {
		urls = append(urls, node.URL)
	}
	return strings.Join(urls, ",")
}

// Connect returns a connection to whichever node answers, which moves on when that one dies. It ends with the test.
func (c *Cluster) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, c.URL(), options)
}

func (c *Cluster) jetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(c.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// Leader returns the node that leads a stream, once there is one.
func (c *Cluster) Leader(t testing.TB, js jetstream.JetStream, stream string) *Server {
	t.Helper()
	var leader *Server
	Await(t, patience, func() error {
		info, err := streamInfo(t, js, stream)
		if err != nil {
			return err
		}
		for _, node := range c.Nodes {
			if node.Name == info.Cluster.Leader {
				leader = node
				return nil
			}
		}
		return fmt.Errorf("stream %s has no leader", stream)
	})
	return leader
}

// AwaitReplicas returns once every replica of the streams is there and has caught up, so that a server more can be missed.
func (c *Cluster) AwaitReplicas(t testing.TB, js jetstream.JetStream, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		Await(t, patience, func() error {
			info, err := streamInfo(t, js, stream)
			switch {
			case err != nil:
				return err
			case info.Cluster.Leader == "" || len(info.Cluster.Replicas) != len(c.Nodes)-1:
				return fmt.Errorf("stream %s has leader %q and %d replicas", stream, info.Cluster.Leader, len(info.Cluster.Replicas))
			}
			for _, r := range info.Cluster.Replicas {
				if r.Offline || !r.Current {
					return fmt.Errorf("stream %s: replica %s is behind: %+v", stream, r.Name, *r)
				}
			}
			return nil
		})
	}
}

func streamInfo(t testing.TB, js jetstream.JetStream, stream string) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	if s.CachedInfo().Cluster == nil {
		return nil, fmt.Errorf("stream %s is not replicated", stream)
	}
	return s.CachedInfo(), nil
}
