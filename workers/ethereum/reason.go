package ethereum

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"unicode/utf8"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// maxReason is how many bytes of a revert's data are kept.
const maxReason = 4096

// reasons finds out why transactions were reverted whose starts ask for it, by calling them again on the block before theirs.
// What a node cannot say stays unknown; only a node that can't be asked is a fault.
func (s *Source) reasons(ctx context.Context, e *endpoint, receipts map[Hash]*receipt) error {
	var wanted []*receipt
	s.mu.Lock()
	for tx, r := range receipts {
		for w := range s.book.index.of(tx) {
			if w.ref.wantsReason() && !r.success {
				wanted = append(wanted, r)
				break
			}
		}
	}
	s.mu.Unlock()
	if len(wanted) == 0 {
		return nil
	}
	lookups := make([]*jsonrpc.Call, len(wanted))
	for i, r := range wanted {
		lookups[i] = jsonrpc.NewCall("eth_getTransactionByHash", r.tx.String())
	}
	if err := e.client.Do(ctx, lookups...); err != nil {
		return err
	}
	var calls []*jsonrpc.Call
	var of []*receipt
	for i, r := range wanted {
		tx, err := answeredTransaction(lookups[i], r.tx)
		if err != nil || tx == nil || r.number == 0 {
			continue
		}
		calls = append(calls, jsonrpc.NewCall("eth_call", tx.again(), hexQuantity(r.number-1)))
		of = append(of, r)
	}
	if len(calls) == 0 {
		return nil
	}
	if err := e.client.Do(ctx, calls...); err != nil {
		return err
	}
	for i, call := range calls {
		of[i].reason, of[i].reasonData = reasonOf(call.Err)
	}
	return nil
}

// again returns the arguments of an eth_call that does what the transaction did.
func (t *transaction) again() map[string]any {
	args := map[string]any{"from": t.wire.From, "gas": t.wire.Gas, "value": t.wire.Value, "input": t.wire.Input}
	if t.wire.To != nil {
		args["to"] = *t.wire.To
	}
	return args
}

// reasonOf reads the reason out of an eth_call's error: the text of Solidity's Error(string), or what the node says.
func reasonOf(err error) (reason, data string) {
	var answer *jsonrpc.Error
	if !errors.As(err, &answer) {
		return "", ""
	}
	var s string
	if json.Unmarshal(answer.Data, &s) != nil {
		return answer.Message, ""
	}
	raw, decodeErr := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if decodeErr != nil || len(raw) == 0 {
		return answer.Message, ""
	}
	if text, ok := errorString(raw); ok {
		reason = text
	} else {
		reason = answer.Message
	}
	return reason, "0x" + hex.EncodeToString(raw[:min(len(raw), maxReason)])
}

// errorString decodes the ABI encoding of Error(string): its selector, an offset of 32, a length and the text.
func errorString(raw []byte) (string, bool) {
	const head = 4 + 32 + 32
	if len(raw) < head || hex.EncodeToString(raw[:4]) != "08c379a0" {
		return "", false
	}
	offset, length := new(big.Int).SetBytes(raw[4:36]), new(big.Int).SetBytes(raw[36:68])
	if offset.Cmp(big.NewInt(32)) != 0 || !length.IsInt64() || length.Int64() > int64(len(raw)-head) {
		return "", false
	}
	text := raw[head : head+int(length.Int64())]
	if len(text) > maxReason || !utf8.Valid(text) {
		return "", false
	}
	return string(text), true
}
