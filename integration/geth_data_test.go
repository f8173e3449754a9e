package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"time"

	"trackerfleet/workers/ethereum/ethtest"
)

// data are the fields of an event beside those that every event has. A value is what it must be, or a test of it.
type data map[string]any

// test of a value returns what it must be instead, or "".
type test = func(v any) string

// moment is a time that has been.
func moment(v any) string {
	s, _ := v.(string)
	if at, err := time.Parse(time.RFC3339Nano, s); err != nil || at.After(time.Now()) {
		return "a time that has been"
	}
	return ""
}

// ahead is a time to come.
func ahead(v any) string {
	s, _ := v.(string)
	if at, err := time.Parse(time.RFC3339Nano, s); err != nil || at.Before(time.Now()) {
		return "a time to come"
	}
	return ""
}

// span is a duration.
func span(v any) string {
	s, _ := v.(string)
	if d, err := time.ParseDuration(s); err != nil || d <= 0 {
		return "a duration"
	}
	return ""
}

// atLeast is a number from n on.
func atLeast(n float64) test {
	return func(v any) string {
		if got, ok := v.(float64); !ok || got < n {
			return fmt.Sprint("a number from ", n, " on")
		}
		return ""
	}
}

// ref is a block as events name it.
func ref(b ethtest.Block) data {
	return data{"number": b.Number, "hash": b.Hash, "time": time.Unix(int64(b.Time), 0).UTC().Format(time.RFC3339)}
}

// is returns why an event's body has not these data and no others.
func (want data) is(body json.RawMessage) error {
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		return err
	}
	for _, envelope := range []string{"transaction_id", "type", "n", "run", "at"} {
		delete(got, envelope)
	}
	return want.differs("", got)
}

func (want data) differs(path string, got map[string]any) error {
	names, wanted := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))
	if !slices.Equal(names, wanted) {
		return fmt.Errorf("want the fields %s%v, got %v", path, wanted, names)
	}
	for _, name := range names {
		var err error
		switch v := want[name].(type) {
		case data:
			inner, ok := got[name].(map[string]any)
			if !ok {
				return fmt.Errorf("%s%s is %v", path, name, got[name])
			}
			err = v.differs(path+name+".", inner)
		case test:
			if must := v(got[name]); must != "" {
				err = fmt.Errorf("want %s%s to be %s, it is %v", path, name, must, got[name])
			}
		default:
			if !reflect.DeepEqual(plainly(v), got[name]) {
				err = fmt.Errorf("want %s%s to be %v, it is %v", path, name, v, got[name])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decimalOf is a quantity of JSON-RPC in the digits of events.
func decimalOf(quantity string) string {
	n, ok := new(big.Int).SetString(quantity, 0)
	if !ok {
		panic(quantity)
	}
	return n.String()
}

// plainly is v as it comes out of JSON.
func plainly(v any) (plain any) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &plain)
	}
	if err != nil {
		panic(err)
	}
	return plain
}
