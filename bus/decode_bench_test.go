package bus

import (
	"encoding/json"
	"strings"
	"testing"
)

var benchStart = []byte(`{"transaction_id":"txn_01dp371w0fnjhf9z2tjebx4vr4","source":"mainnet","params":{"hash":"0x` + strings.Repeat("ab", 32) +
	`","from":"0x` + strings.Repeat("cd", 20) + `","nonce":"7","finality":{"confirmations":12}},"timeout":"24h","labels":{"team":"wallet"}}`)

// BenchmarkDecodeStart reports the decoder beside encoding/json, which checks much less.
func BenchmarkDecodeStart(b *testing.B) {
	b.Run("decoder", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeStart(SubjectStart, benchStart); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r StartRequest
			if err := json.Unmarshal(benchStart, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecodeGarbage reports the dearest bodies that are refused.
func BenchmarkDecodeGarbage(b *testing.B) {
	names := `{"transaction_id":"t","params":{`
	for i := 0; len(names) < MaxBodyBytes-100; i++ {
		names += `"` + strings.Repeat("a", i%7) + `":{},`
	}
	for name, body := range map[string]string{
		"deep": strings.Repeat("{\"a\":", MaxBodyBytes/5), "twice": names + `"z":1}}`, "bulk": `{"items":[` + strings.Repeat("[],", MaxBulkBytes/3-10) + `1]}`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := DecodeSpawn([]byte(body)); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
