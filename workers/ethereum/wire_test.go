package ethereum

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
)

const zeros = "0x0000000000000000000000000000000000000000000000000000000000000000"

var one = strings.Replace(zeros, "0x0", "0x1", 1)

func TestDecodeBlock(t *testing.T) {
	good := fmt.Sprintf(`{"number":"0x10","hash":%q,"parentHash":%q,"timestamp":"0x6553f100","transactions":[%q],"type":"0x99","x":[{}]}`, one, zeros, one)
	b, err := decodeBlock(json.RawMessage(good))
	if err != nil || b.number != 16 || len(b.txs) != 1 || b.ref().Time.Unix() != 1_700_000_000 {
		t.Fatalf("%+v, %v", b, err)
	}
	if b, err := decodeBlock(json.RawMessage(" null ")); b != nil || err != nil {
		t.Errorf("null: %+v, %v", b, err)
	}
	for _, bad := range []string{
		`{}`, `[]`, `7`, `"x"`, `{"number":16}`, strings.Replace(good, `"0x10"`, `"0x"`, 1), strings.Replace(good, `"0x10"`, `"16"`, 1),
		strings.Replace(good, `"0x10"`, `"0x1ffffffffffffffff"`, 1), strings.Replace(good, one, "0x12", 1), strings.Replace(good, one, zeros, 1),
		strings.Replace(good, "0x6553f100", "0xffffffffffffffff", 1), strings.Replace(good, `["0x1`, `[{"hash":"0x1`, 1),
	} {
		if b, err := decodeBlock(json.RawMessage(bad)); err == nil || b != nil {
			t.Errorf("%.100s: %+v, want an error", bad, b)
		}
	}
}

func TestDecodeReceipt(t *testing.T) {
	good := fmt.Sprintf(`{"transactionHash":%q,"blockHash":%q,"blockNumber":"0x10","transactionIndex":"0x2","status":"0x1","gasUsed":"0x5208",`+
		`"effectiveGasPrice":"0x3b9aca00","blobGasUsed":"0x20000","blobGasPrice":"0x2","type":"0x7f"}`, one, one)
	r, err := decodeReceipt(json.RawMessage(good))
	if err != nil || !r.success || r.index != 2 || r.gasUsed != "21000" || r.feePaid != "21000000262144" {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, bad := range []string{
		`{}`, `[]`, strings.Replace(good, `"status":"0x1",`, "", 1), strings.Replace(good, `"status":"0x1"`, `"status":"0x2"`, 1),
		strings.Replace(good, `"0x5208"`, `"0x-5208"`, 1), strings.Replace(good, `"0x2"`, `2`, 1), strings.ReplaceAll(good, one, zeros),
	} {
		if r, err := decodeReceipt(json.RawMessage(bad)); err == nil {
			t.Errorf("%.200s: %+v, want an error", bad, r)
		}
	}
	if _, err := decodeReceipts(json.RawMessage(`[` + good + `,{}]`)); !errors.Is(err, ErrAnswer) {
		t.Errorf("a list with a bad receipt: %v", err)
	}
}

func TestDecodeTransactionOfAnyType(t *testing.T) {
	pending := fmt.Sprintf(`{"hash":%q,"type":"0x7e","nonce":"0x7","from":"0x71562b71999873DB5b286dF957af199Ec94617F7","to":null,"value":"0xde0b6b3a7640000",`+
		`"gas":"0x5208","maxFeePerGas":"0x1","blockHash":null,"blockNumber":null,"authorizationList":[{"a":1}]}`, one)
	tx, err := decodeTransaction(json.RawMessage(pending))
	if err != nil || tx.block != nil {
		t.Fatalf("%+v, %v", tx, err)
	}
	d := tx.pending(time.Unix(1, 0))
	if d.Nonce != "7" || d.Value != "1000000000000000000" || d.To != "" || d.Fees["gas_limit"] != "21000" || len(d.Fees) != 2 ||
		d.From != "0x71562b71999873db5b286df957af199ec94617f7" {
		t.Errorf("%+v", d)
	}
	hostile := strings.NewReplacer("0x71562b71999873DB5b286dF957af199Ec94617F7", "<script>", "0xde0b6b3a7640000", "1 wei").Replace(pending)
	if tx, err = decodeTransaction(json.RawMessage(hostile)); err != nil {
		t.Fatal(err)
	}
	if d := tx.pending(time.Unix(1, 0)); d.From != "" || d.Value != "" {
		t.Errorf("the node's words went through: %+v", d)
	}
}

func TestReasonOf(t *testing.T) {
	message := func(data string) error {
		return &jsonrpc.Error{Code: 3, Message: "execution reverted", Data: json.RawMessage(data)}
	}
	text := "0x08c379a0" + zeros[2:64] + "20" + zeros[2:65] + "2" + "6e6f" + zeros[2:62]
	for _, test := range []struct {
		name   string
		err    error
		reason string
		size   int
	}{
		{"no error", nil, "", 0},
		{"Error(string)", message(`"` + text + `"`), "no", 2 + 2*100},
		{"no data", message(`"0x"`), "execution reverted", 0},
		{"another error", message(`"0x12345678"`), "execution reverted", 10},
		{"a length that lies", message(`"` + strings.Replace(text, "26e6f", "ffffffff6e6f", 1) + `"`), "execution reverted", -1},
		{"too much", message(`"0x` + strings.Repeat("ab", 10_000) + `"`), "execution reverted", 2 + 2*4096},
		{"no string", message(`{}`), "execution reverted", 0},
	} {
		reason, data := reasonOf(test.err)
		if reason != test.reason || test.size >= 0 && len(data) != test.size {
			t.Errorf("%s: %q with %d bytes of data, want %q with %d", test.name, reason, len(data), test.reason, test.size)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"number":"0x1","hash":"` + one + `","parentHash":"` + zeros + `","timestamp":"0x1","transactions":[]}`))
	f.Add([]byte(`{"transactionHash":"` + one + `","blockHash":"` + one + `","blockNumber":"0x1","transactionIndex":"0x0","status":"0x0","gasUsed":"0x0"}`))
	f.Add([]byte(`{"hash":"` + one + `","blockHash":"` + one + `","blockNumber":"0x1","value":"0x"}`))
	f.Add([]byte(`[null]`))
	f.Add([]byte(`"0x08c379a0"`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if b, err := decodeBlock(raw); err == nil && b != nil && b.hash == (Hash{}) {
			t.Error("a block without a hash")
		}
		if r, err := decodeReceipt(raw); err == nil && r != nil && (r.block == (Hash{}) || r.gasUsed == "") {
			t.Error("a receipt without a block")
		}
		if _, err := decodeReceipts(raw); err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%v, want ErrAnswer", err)
		}
		if tx, err := decodeTransaction(raw); err == nil && tx != nil {
			tx.pending(time.Time{})
			tx.again()
		}
		_, _ = decodeQuantity(raw)
		reasonOf(&jsonrpc.Error{Data: raw})
	})
}
