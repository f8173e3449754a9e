package ethtest

import (
	"encoding/json"
	"strconv"
	"strings"
)

// answer answers one call. The lock is held.
func (s *Server) answer(req rpcRequest, f Faults) (any, *rpcError) {
	limit := s.chain.head().Number - min(f.Lag, s.chain.head().Number)
	arg := ""
	if len(req.Params) > 0 {
		if err := json.Unmarshal(req.Params[0], &arg); err != nil && req.Method != "eth_call" {
			return nil, &rpcError{-32602, "invalid argument 0", nil}
		}
	}
	switch req.Method {
	case "eth_chainId":
		if f.ChainID != 0 {
			return hexNumber(f.ChainID), nil
		}
		return hexNumber(ChainID), nil
	case "eth_blockNumber":
		return hexNumber(limit), nil
	case "eth_getBlockByNumber":
		b, fault := s.blockByNumber(arg, limit, f)
		return blockObject(b, full(req), f), fault
	case "eth_getBlockByHash":
		return blockObject(s.chain.byHash[arg], full(req), f), nil
	case "eth_getTransactionCount":
		return s.transactionCount(arg, req, limit, f)
	case "eth_getBlockReceipts":
		return s.blockReceipts(arg, f)
	case "eth_getTransactionByHash", "eth_getTransactionReceipt":
		if f.Indexing {
			return nil, &rpcError{-32000, "transaction indexing is in progress", nil}
		}
		if f.Null {
			return nil, nil
		}
		if req.Method == "eth_getTransactionByHash" {
			return s.transaction(arg, limit, f), nil
		}
		return s.receipt(arg, limit, f), nil
	case "eth_call":
		return nil, &rpcError{3, "execution reverted: no", RevertData}
	default:
		return nil, &rpcError{-32601, "the method " + req.Method + " does not exist/is not available", nil}
	}
}

// full reports whether whole transactions are asked for.
func full(req rpcRequest) bool { return len(req.Params) > 1 && string(req.Params[1]) == "true" }

// transactionCount returns an account's nonce at a height or tag.
func (s *Server) transactionCount(from string, req rpcRequest, limit uint64, f Faults) (any, *rpcError) {
	at := ""
	if len(req.Params) < 2 || json.Unmarshal(req.Params[1], &at) != nil {
		return nil, &rpcError{-32602, "missing value for required argument 1", nil}
	}
	f.SideBlocks = false
	b, fault := s.blockByNumber(at, limit, f)
	switch {
	case fault != nil:
		return nil, fault
	case b == nil:
		return nil, &rpcError{-32000, "header not found", nil}
	case f.NoStates && b.Number < limit, f.States > 0 && b.Number+f.States <= limit:
		return nil, &rpcError{-32000, "missing trie node " + b.Hash[2:] + " (path ) state is not available", nil}
	}
	return hexNumber(s.chain.count(from, b.Number)), nil
}

func (s *Server) blockByNumber(arg string, limit uint64, f Faults) (*Block, *rpcError) {
	number := uint64(0)
	switch arg {
	case "latest":
		number = limit
		if f.Ahead > 0 {
			made := *s.chain.at(number, limit)
			made.Number += f.Ahead
			made.Hash = "0x" + strings.Repeat("ab", 32)
			return &made, nil
		}
	case "safe", "finalized":
		if f.RefuseTags {
			return nil, &rpcError{-32602, "invalid argument 0: hex string without 0x prefix", nil}
		}
		number = s.safe
		if arg == "finalized" {
			number = s.finalized
		}
		if f.NoTags || number == 0 {
			return nil, nil
		}
	default:
		n, err := strconv.ParseUint(strings.TrimPrefix(arg, "0x"), 16, 64)
		if err != nil {
			return nil, &rpcError{-32602, "invalid argument 0", nil}
		}
		number = n
		if side := s.chain.oldest(number); f.SideBlocks && side != nil {
			return side, nil
		}
	}
	return s.chain.at(number, limit), nil
}

func (s *Server) transaction(hash string, limit uint64, f Faults) any {
	b, i := s.chain.seat(hash, limit)
	if f.StaleRcpts || f.SideBlocks {
		b, i = s.chain.firstSeat(hash)
	}
	tx, pending := s.chain.pool[hash]
	switch {
	case b != nil:
		return txObject(b.Txs[i], b, i, f)
	case pending:
		return txObject(tx, nil, 0, f)
	default: // unknown, or in a block that this node doesn't know yet
		return nil
	}
}

func (s *Server) receipt(hash string, limit uint64, f Faults) any {
	b, i := s.chain.seat(hash, limit)
	if f.StaleRcpts || f.SideBlocks {
		b, i = s.chain.firstSeat(hash)
	}
	if b == nil || f.NoReceipt {
		return nil
	}
	return receiptObject(b.Txs[i], b, i, f)
}

func (s *Server) blockReceipts(arg string, f Faults) (any, *rpcError) {
	if f.NoBlockRcpt {
		return nil, &rpcError{-32601, "the method eth_getBlockReceipts does not exist/is not available", nil}
	}
	b := s.chain.byHash[arg]
	if b == nil || f.NoReceipt || f.Null {
		return nil, nil
	}
	receipts := []any{}
	for i, tx := range b.Txs {
		if !f.EmptyRcpts {
			receipts = append(receipts, receiptObject(tx, b, i, f))
		}
	}
	return receipts, nil
}

// blockObject returns what nodes say of a block, with hashes only or in full; nil for none.
func blockObject(b *Block, full bool, f Faults) any {
	if b == nil {
		return nil
	}
	txs := []any{}
	for i, tx := range b.Txs {
		if full {
			txs = append(txs, txObject(tx, b, i, f))
		} else {
			txs = append(txs, tx.Hash)
		}
	}
	return map[string]any{
		"number": hexNumber(b.Number), "hash": b.Hash, "parentHash": b.Parent, "timestamp": hexNumber(b.Time),
		"transactions": txs, "uncles": []string{}, "gasLimit": "0x1c9c380",
	}
}

// txObject returns a transaction of a type that nobody has heard of.
func txObject(tx Tx, b *Block, i int, f Faults) any {
	o := map[string]any{
		"hash": tx.Hash, "from": tx.From, "to": tx.To, "nonce": hexNumber(tx.Nonce),
		"value": tx.Value, "gas": "0x5208", "gasPrice": hexNumber(1_000_000_000 + uint64(tx.bumps)), "input": tx.Input, "type": "0x7e",
		"blockHash": nil, "blockNumber": nil, "transactionIndex": nil, "mint": map[string]any{"deep": []int{1}},
	}
	if f.OtherTx {
		o["hash"] = "0x" + strings.Repeat("ee", 32)
	}
	if f.NoFrom {
		delete(o, "from")
	}
	if b != nil {
		o["blockHash"], o["blockNumber"], o["transactionIndex"] = b.Hash, hexNumber(b.Number), hexNumber(uint64(i))
	}
	return o
}

func receiptObject(tx Tx, b *Block, i int, f Faults) any {
	status, block, hash := "0x1", b.Hash, tx.Hash
	if tx.Reverts {
		status = "0x0"
	}
	if f.OtherRcpts {
		block = b.Parent
	}
	if f.OtherTx {
		hash = "0x" + strings.Repeat("ee", 32)
	}
	return map[string]any{
		"transactionHash": hash, "blockHash": block, "blockNumber": hexNumber(b.Number), "transactionIndex": hexNumber(uint64(i)),
		"status": status, "gasUsed": "0x5208", "effectiveGasPrice": "0x3b9aca00", "type": "0x7e", "logs": []any{},
	}
}
