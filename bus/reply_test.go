package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"trackerfleet/bus"
)

func TestRepliesGoToInboxesOnly(t *testing.T) {
	for reply, ok := range map[string]bool{
		"_INBOX.abc": true, "_INBOX.abc.1": true, "_INBOX_caller.abc": true,
		"": false, "_INBOX.": false, "_INBOX": false, "tracker.start": false, "$JS.API.STREAM.PURGE.TRACKER": false, "_INBOX.>": false, "_INBOX.a.*": false,
		"_INBOX..a": false, "_INBOX.a b": false, "_INBOX.a\r\nPUB x 0": false, "x._INBOX.a": false, "_INBOX." + strings.Repeat("a", 600): false,
		"_INBOX_caller.>": false,
	} {
		if err := new(bus.Responder).CheckReply(reply); (err == nil) != ok || err != nil && !errors.Is(err, bus.ErrReplySubject) {
			t.Errorf("%q: %v", reply, err)
		}
	}
	own := bus.Responder{InboxPrefixes: []string{"_R_."}}
	if own.CheckReply("_R_.a") != nil || own.CheckReply("_INBOX.a") == nil {
		t.Error("the configured prefixes are not those that count")
	}
}

func TestNothingIsSentToAHostileReplySubject(t *testing.T) {
	nc := fleet(t)
	r := new(bus.Responder)
	outcomes := make(chan error, 3)
	sub, err := nc.Subscribe("tracker.lookup", func(m *nats.Msg) {
		q := bus.MessageRequest(m)
		outcomes <- r.Respond(q, bus.StartRequest{TransactionID: parseID(t, "t")})
		outcomes <- r.RespondError(q, bus.ErrNotFound)
		outcomes <- r.RespondLookup(q, bus.LookupReply{Status: bus.LookupUnavailable})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := nc.PublishRequest("tracker.lookup", "tracker.start", []byte("t")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-outcomes; !errors.Is(err, bus.ErrReplySubject) {
			t.Errorf("got %v", err)
		}
	}
	if state := storedStarts(t, nc); state.Msgs != 0 {
		t.Error("a request made a worker start something")
	}
}

func TestErrorRepliesAreThoseOfMicroServices(t *testing.T) {
	nc := fleet(t)
	r := bus.Responder{MaxReplyBytes: 1000}
	service, err := micro.AddService(nc, micro.Config{Name: "tracker", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Stop() })
	err = service.AddEndpoint("lookup", micro.HandlerFunc(func(q micro.Request) {
		var err error
		switch string(q.Data()) {
		case "large":
			err = r.Respond(q, map[string]string{"a": longText(1000)})
		case "nil":
			err = r.RespondError(q, nil)
		default:
			err = r.RespondError(q, bus.Invalid(bus.Fault{Field: "params.hash", Message: "é\r\nNats-Rollup: all"}))
		}
		if err != nil {
			t.Error(err)
		}
	}), micro.WithEndpointSubject(bus.SubjectLookup))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(what string) *nats.Msg {
		m, err := nc.Request(bus.SubjectLookup, []byte(what), testTimeout)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := ask("faulty")
	if m.Header.Get("Nats-Service-Error-Code") != "400" || m.Header.Get("Nats-Service-Error") != "params.hash: ???Nats-Rollup: all" || len(m.Header) != 2 {
		t.Errorf("headers %v", m.Header)
	}
	want := `{"status":"error","error":{"code":"invalid","message":"params.hash: é\r\nNats-Rollup: all","field":"params.hash","details":[{"field":"params.hash","message":"é\r\nNats-Rollup: all"}]}}`
	if string(m.Data) != want {
		t.Errorf("body %s", m.Data)
	}
	if m := ask("nil"); m.Header.Get("Nats-Service-Error-Code") != "500" {
		t.Errorf("an error that is none: %v %s", m.Header, m.Data)
	}
	if m := ask("large"); m.Header.Get("Nats-Service-Error-Code") != "413" {
		t.Errorf("an answer that does not fit: %v %s", m.Header, m.Data)
	}
}

func TestReadReplyTable(t *testing.T) {
	header := func(code, text string) nats.Header {
		return nats.Header{"Nats-Service-Error-Code": {code}, "Nats-Service-Error": {text}}
	}
	for name, tc := range map[string]struct {
		m    nats.Msg
		want error
	}{
		"headers alone":       {nats.Msg{Header: header("503", "gone")}, bus.ErrUnavailable},
		"body alone":          {nats.Msg{Data: []byte(`{"status":"error","error":{"code":"exists","message":"m"}}`)}, bus.ErrExists},
		"body before headers": {nats.Msg{Header: header("409", "m"), Data: []byte(`{"status":"error","error":{"code":"exists","message":"m"}}`)}, bus.ErrExists},
		"unknown number":      {nats.Msg{Header: header("418", "m")}, bus.ErrInternal},
		"no number":           {nats.Msg{Header: header("x", "m")}, bus.ErrInternal},
		"garbage":             {nats.Msg{Data: []byte(`{`)}, bus.ErrInternal},
		"wrong type":          {nats.Msg{Data: []byte(`{"status":7}`)}, bus.ErrInternal},
		"garbage with error":  {nats.Msg{Header: header("404", "m"), Data: []byte(`{`)}, bus.ErrNotFound},
	} {
		var reply bus.LookupReply
		t.Run(name, func(t *testing.T) { wantOnly(t, bus.ReadReply(&tc.m, &reply), tc.want) })
	}
	var item bus.SpawnReply // one item of many has status error and is no error reply
	err := bus.ReadReply(&nats.Msg{Data: []byte(`{"status":"existing","tracker":{"transaction_id":"t"}}`)}, &item)
	if err != nil || item.Tracker.TransactionID.String() != "t" {
		t.Errorf("got %+v, %v", item, err)
	}
}
