package ethereum

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"trackerfleet/workers/source"
)

// block is what is kept of a block: its place in the chain, the hashes of its transactions and, if it was read in full, the
// slots that they take.
type block struct {
	number    uint64
	hash      Hash
	parent    Hash
	time      time.Time
	txs       []Hash
	occupants []occupant // without those whose sender is not said
	full      bool
}

// complete reports whether all slots that the block takes are known.
func (b *block) complete() bool { return b.full && len(b.occupants) == len(b.txs) }

// holds reports whether b is the block of that hash and has the transaction.
func (b *block) holds(tx, hash Hash) bool { return b.hash == hash && slices.Contains(b.txs, tx) }

func (b *block) ref() source.BlockRef {
	return source.BlockRef{Number: b.number, Hash: b.hash.String(), Time: b.time}
}

// entry is a transaction in a block: its hash, or all of it.
type entry struct {
	occupant
	whole, takes bool
}

// UnmarshalJSON reads either. A transaction of an unknown type is one all the same.
func (e *entry) UnmarshalJSON(raw []byte) error {
	if n := len(raw); n > 1 && raw[0] == '"' {
		return e.tx.UnmarshalText(raw[1 : n-1])
	}
	var w wireOccupant
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	if w.Hash == (Hash{}) {
		return fmt.Errorf("%w: transaction without a hash", ErrAnswer)
	}
	e.occupant, e.takes = occupantOf(w)
	e.whole = true
	return nil
}

// decodeBlock reads a block with hashes only or in full. nil and no error is the answer null: the node doesn't have it.
func decodeBlock(raw json.RawMessage) (*block, error) {
	if isNull(raw) {
		return nil, nil
	}
	var w struct {
		Number       string  `json:"number"`
		Hash         Hash    `json:"hash"`
		Parent       Hash    `json:"parentHash"`
		Time         string  `json:"timestamp"`
		Transactions []entry `json:"transactions"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("%w: block: %v", ErrAnswer, clip(err))
	}
	number, err := quantity(w.Number)
	if err != nil {
		return nil, fmt.Errorf("%w: block number", ErrAnswer)
	}
	seconds, err := quantity(w.Time)
	if err != nil || seconds > math.MaxInt32*1000 {
		return nil, fmt.Errorf("%w: block timestamp", ErrAnswer)
	}
	if w.Hash == (Hash{}) {
		return nil, fmt.Errorf("%w: block without a hash", ErrAnswer)
	}
	b := &block{number: number, hash: w.Hash, parent: w.Parent, time: time.Unix(int64(seconds), 0).UTC(), full: true}
	b.txs = make([]Hash, len(w.Transactions))
	for i, e := range w.Transactions {
		b.txs[i] = e.tx
		b.full = b.full && e.whole
		if e.takes {
			b.occupants = append(b.occupants, e.occupant)
		}
	}
	return b, nil
}

// receipt is what is kept of a receipt.
type receipt struct {
	tx      Hash
	block   Hash
	number  uint64
	index   uint64
	success bool
	gasUsed string
	feePaid string

	reason, reasonData string // why it was reverted, if that was asked
}

type wireReceipt struct {
	Tx           Hash   `json:"transactionHash"`
	Block        Hash   `json:"blockHash"`
	Number       string `json:"blockNumber"`
	Index        string `json:"transactionIndex"`
	Status       string `json:"status"`
	GasUsed      string `json:"gasUsed"`
	GasPrice     string `json:"effectiveGasPrice"`
	BlobGasUsed  string `json:"blobGasUsed"`
	BlobGasPrice string `json:"blobGasPrice"`
}

// decodeReceipt reads a receipt. nil and no error is the answer null.
func decodeReceipt(raw json.RawMessage) (*receipt, error) {
	if isNull(raw) {
		return nil, nil
	}
	var w wireReceipt
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("%w: receipt: %v", ErrAnswer, clip(err))
	}
	return w.receipt()
}

// decodeReceipts reads the receipts of a block. nil and no error is the answer null.
func decodeReceipts(raw json.RawMessage) ([]*receipt, error) {
	if isNull(raw) {
		return nil, nil
	}
	var ws []wireReceipt
	if err := json.Unmarshal(raw, &ws); err != nil {
		return nil, fmt.Errorf("%w: receipts: %v", ErrAnswer, clip(err))
	}
	receipts := make([]*receipt, len(ws))
	for i, w := range ws {
		r, err := w.receipt()
		if err != nil {
			return nil, err
		}
		receipts[i] = r
	}
	return receipts, nil
}

func (w wireReceipt) receipt() (*receipt, error) {
	number, err1 := quantity(w.Number)
	index, err2 := quantity(w.Index)
	gas, err3 := amount(w.GasUsed)
	if err1 != nil || err2 != nil || err3 != nil || w.Block == (Hash{}) {
		return nil, fmt.Errorf("%w: receipt without block, index or gas", ErrAnswer)
	}
	if w.Status != "0x0" && w.Status != "0x1" {
		return nil, fmt.Errorf("%w: receipt without a status", ErrAnswer)
	}
	r := &receipt{tx: w.Tx, block: w.Block, number: number, index: index, success: w.Status == "0x1", gasUsed: gas.String()}
	if price, err := amount(w.GasPrice); err == nil {
		fee := new(big.Int).Mul(gas, price)
		blobGas, err1 := amount(w.BlobGasUsed)
		blobPrice, err2 := amount(w.BlobGasPrice)
		if err1 == nil && err2 == nil {
			fee.Add(fee, blobGas.Mul(blobGas, blobPrice))
		}
		r.feePaid = fee.String()
	}
	return r, nil
}

// transaction is what is kept of a transaction of any type.
type transaction struct {
	hash     Hash
	block    *Hash  // nil: in no block
	number   uint64 // of block
	wire     wireTransaction
	occupant occupant
	takes    bool // its slot is known
}

type wireTransaction struct {
	Hash       Hash    `json:"hash"`
	Block      *Hash   `json:"blockHash"`
	Number     *string `json:"blockNumber"`
	Nonce      string  `json:"nonce"`
	From       string  `json:"from"`
	To         *string `json:"to"`
	Value      string  `json:"value"`
	Gas        string  `json:"gas"`
	GasPrice   string  `json:"gasPrice"`
	MaxFee     string  `json:"maxFeePerGas"`
	MaxTip     string  `json:"maxPriorityFeePerGas"`
	MaxBlobFee string  `json:"maxFeePerBlobGas"`
	Input      string  `json:"input"`
}

// decodeTransaction reads a transaction of whatever type. nil and no error is the answer null.
func decodeTransaction(raw json.RawMessage) (*transaction, error) {
	if isNull(raw) {
		return nil, nil
	}
	var w wireTransaction
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("%w: transaction: %v", ErrAnswer, clip(err))
	}
	t := &transaction{hash: w.Hash, wire: w}
	var whole wireOccupant
	if json.Unmarshal(raw, &whole) == nil {
		t.occupant, t.takes = occupantOf(whole)
	}
	if w.Block == nil || *w.Block == (Hash{}) || w.Number == nil {
		return t, nil
	}
	number, err := quantity(*w.Number)
	if err != nil {
		return nil, fmt.Errorf("%w: transaction's block number", ErrAnswer)
	}
	t.block, t.number = w.Block, number
	return t, nil
}

// pending returns what the transaction says of itself. What can't be read is left out.
func (t *transaction) pending(now time.Time) *source.PendingDetails {
	d := &source.PendingDetails{
		Nonce: decimal(t.wire.Nonce), From: plain(t.wire.From), Value: decimal(t.wire.Value), FirstSeen: now,
	}
	if t.wire.To != nil {
		d.To = plain(*t.wire.To)
	}
	fees := map[string]string{}
	for name, v := range map[string]string{
		"gas_limit": t.wire.Gas, "gas_price": t.wire.GasPrice, "max_fee": t.wire.MaxFee,
		"max_priority_fee": t.wire.MaxTip, "max_blob_fee": t.wire.MaxBlobFee,
	} {
		if s := decimal(v); s != "" {
			fees[name] = s
		}
	}
	if len(fees) > 0 {
		d.Fees = fees
	}
	return d
}

// quantity reads a JSON-RPC quantity of at most 64 bits.
func quantity(s string) (uint64, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok {
		return 0, fmt.Errorf("%w: quantity", ErrAnswer)
	}
	return strconv.ParseUint(digits, 16, 64)
}

// amount reads a JSON-RPC quantity of at most 256 bits.
func amount(s string) (*big.Int, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || len(digits) == 0 || len(digits) > 64 || digits[0] == '-' || digits[0] == '+' {
		return nil, fmt.Errorf("%w: amount", ErrAnswer)
	}
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		return nil, fmt.Errorf("%w: amount", ErrAnswer)
	}
	return n, nil
}

func decimal(s string) string {
	n, err := amount(s)
	if err != nil {
		return ""
	}
	return n.String()
}

// plain returns s in lower case if it is an address, else nothing: the node's word goes into events.
func plain(s string) string {
	a, err := ParseAddress(s)
	if err != nil {
		return ""
	}
	return a.String()
}

func hexQuantity(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// clip shortens an error that quotes what came from outside.
func clip(err error) string {
	s := err.Error()
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "")
	}
	return s
}
