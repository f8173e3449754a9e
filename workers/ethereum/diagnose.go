package ethereum

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
	"trackerfleet/workers/source"
)

var _ source.Diagnoser = (*Source)(nil)

// staleHead is the age of a latest block from which on a node is said to stand still, and farBehind how many blocks behind the first
// of the others one is said to lag.
const (
	staleHead = 10 * time.Minute
	farBehind = 5
)

// Diagnose asks every endpoint, all at the same time, by connections of its own, for its chain, its heads and what it offers.
func (s *Source) Diagnose(ctx context.Context) []source.Finding {
	exams := make([]*exam, len(s.cfg.Endpoints))
	var all sync.WaitGroup
	for i, e := range s.cfg.Endpoints {
		all.Go(func() {
			exams[i] = &exam{cfg: s.cfg, chainID: s.chainID}
			exams[i].examine(ctx, e)
		})
	}
	all.Wait()
	highest := uint64(0)
	for _, x := range exams {
		highest = max(highest, x.head)
	}
	var found []source.Finding
	for _, x := range exams {
		if x.head > 0 && highest-x.head >= farBehind {
			x.warn(fmt.Sprintf("is %d blocks behind another endpoint", highest-x.head), "see whether the node is being synchronised")
		}
		found = append(found, x.found...)
	}
	return found
}

// exam is what is found of one endpoint.
type exam struct {
	cfg     Config
	chainID uint64
	name    string
	head    uint64 // 0: unknown
	found   []source.Finding
}

func (x *exam) say(severity source.Severity, message, remedy string) {
	x.found = append(x.found, source.Finding{Subject: x.name, Severity: severity, Message: message, Remedy: remedy})
}

func (x *exam) warn(message, remedy string)  { x.say(source.Warning, message, remedy) }
func (x *exam) fault(message, remedy string) { x.say(source.Faulty, message, remedy) }

func (x *exam) examine(ctx context.Context, e Endpoint) {
	client, err := jsonrpc.New(jsonrpc.Config{
		URL: e.URL, Headers: e.Headers, BatchSize: x.cfg.BatchSize, Timeout: x.cfg.Timeout, MaxBody: x.cfg.MaxBody, Transport: x.cfg.Transport,
	})
	if err != nil {
		x.fault(err.Error(), "see its url")
		return
	}
	x.name = client.Name()
	if x.cfg.Transport == nil {
		defer client.Close()
	}
	if !x.isOnChain(ctx, client) {
		return
	}
	x.heads(ctx, client)
	if e.WS != "" {
		x.websocket(ctx, e)
	}
}

// isOnChain says whether the endpoint answers, and for which chain.
func (x *exam) isOnChain(ctx context.Context, client *jsonrpc.Client) bool {
	begun := time.Now()
	chain := jsonrpc.NewCall("eth_chainId")
	err := client.Do(ctx, chain)
	if err == nil {
		err = chain.Err
	}
	var id uint64
	if err == nil {
		id, err = decodeQuantity(chain.Result)
	}
	var status *jsonrpc.StatusError
	switch {
	case ctx.Err() != nil:
		x.fault("gives no answer in the time that there was", "see the host and the port in its url, and the firewalls between here and there")
	case errors.As(err, &status):
		x.fault("cannot be asked: "+err.Error(), "see the key in its url or its headers, and what the provider says of the account")
	case err != nil:
		x.fault("cannot be asked: "+err.Error(), "see the host and the port in its url, and whether JSON-RPC over HTTP is on there")
	case id != x.chainID:
		x.fault(fmt.Sprintf("is of chain eip155:%d, not %s", id, x.cfg.Chain), "see chain, and the url of this endpoint")
	default:
		x.say(source.OK, fmt.Sprintf("answers after %v, for chain %s", max(time.Since(begun).Round(time.Millisecond), time.Millisecond), x.cfg.Chain), "")
		return true
	}
	return false
}

// heads says where the endpoint is, and whether it knows the tags and the receipts of a block.
func (x *exam) heads(ctx context.Context, client *jsonrpc.Client) {
	latest := jsonrpc.NewCall("eth_getBlockByNumber", "latest", false)
	tags := []*jsonrpc.Call{jsonrpc.NewCall("eth_getBlockByNumber", "safe", false), jsonrpc.NewCall("eth_getBlockByNumber", "finalized", false)}
	syncing := jsonrpc.NewCall("eth_syncing")
	err := client.Do(ctx, latest, tags[0], tags[1], syncing)
	var head *block
	if err == nil {
		head, err = answeredBlock(latest)
	}
	switch {
	case err != nil:
		x.fault("does not tell its latest block: "+err.Error(), "see whether it is a full node, and what its provider allows")
		return
	case head == nil:
		x.fault("has no latest block", "see whether the node has been synchronised")
		return
	}
	x.head = head.number
	x.latest(head, syncing)
	for i, kind := range []source.Finality{source.Safe, source.Finalized} {
		if tag, err := answeredBlock(tags[i]); err != nil || tag == nil {
			x.warn(fmt.Sprintf("names no %s head: %d blocks below the latest one stand in if no other endpoint does", kind, x.depth(kind)), "")
		}
	}
	receipts := jsonrpc.NewCall("eth_getBlockReceipts", head.hash.String())
	if err := client.Do(ctx, receipts); err != nil || receipts.Err != nil {
		x.warn("does not give all receipts of a block: they are asked for one by one, which costs more calls", "")
	}
}

func (x *exam) depth(kind source.Finality) uint64 {
	if kind == source.Safe {
		return x.cfg.SafeDepth
	}
	return x.cfg.FinalizedDepth
}

// latest says how old the head is. The first block has no age that says anything.
func (x *exam) latest(head *block, syncing *jsonrpc.Call) {
	age := time.Since(head.time)
	switch {
	case syncing.Err == nil && strings.HasPrefix(string(syncing.Result), "{"):
		x.warn(fmt.Sprintf("is being synchronised, and is at block %d", head.number), "wait until the node is done")
	case head.number > 0 && age >= staleHead:
		x.warn(fmt.Sprintf("its latest block %d is %v old", head.number, age.Round(time.Second)), "see whether the node has peers and is synchronised")
	default:
		x.say(source.OK, fmt.Sprintf("its latest block is %d", head.number), "")
	}
}

// websocket says whether the endpoint's websocket tells of new blocks.
func (x *exam) websocket(ctx context.Context, e Endpoint) {
	const remedy = "see its ws; new blocks are polled for until then"
	sub, err := jsonrpc.Subscribe(ctx, x.cfg.subscription(e), "newHeads")
	var status *jsonrpc.StatusError
	var refusal *jsonrpc.Error
	switch {
	case err == nil:
		sub.Close()
		x.say(source.OK, "its websocket answers, and takes a subscription to new blocks", "")
	case ctx.Err() != nil:
		x.warn("its websocket cannot be reached: no answer in the time that there was", remedy)
	case errors.As(err, &status):
		x.warn(fmt.Sprintf("its websocket is none: it answers %d %s", status.Status, http.StatusText(status.Status)), remedy)
	case errors.As(err, &refusal):
		x.warn("its websocket does not tell of new blocks: "+err.Error(), "see what its provider allows; new blocks are polled for until then")
	default:
		x.warn("its websocket cannot be reached: "+err.Error(), remedy)
	}
}
