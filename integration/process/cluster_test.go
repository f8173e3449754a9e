package process

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestClusterKeepsWhatItAcknowledgedThroughTheDeathOfItsLeader(t *testing.T) {
	if os.Getenv("CI") != "true" {
		t.Skip("left out because it takes a while; to run it: CI=true go test ./integration/process")
	}
	c := StartCluster(t, 3)
	js := c.jetStream(t)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s.1", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	c.AwaitReplicas(t, js, "S")
	dead := c.Leader(t, js, "S")
	dead.Kill()
	var msg *jetstream.RawStreamMsg
	Await(t, patience, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stream, err := js.Stream(ctx, "S")
		if err == nil {
			msg, err = stream.GetLastMsgForSubject(ctx, "s.1")
		}
		return err
	})
	if string(msg.Data) != "kept" {
		t.Errorf("got %q", msg.Data)
	}
	if now := c.Leader(t, js, "S"); now == dead {
		t.Error("the dead server leads")
	}
	dead.Restart(t)
	c.AwaitReplicas(t, js, "S")
}
