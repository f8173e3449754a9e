package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestNamesGivenTwiceAreNoted however many names there are before, between and behind.
func TestNamesGivenTwiceAreNoted(t *testing.T) {
	for _, many := range []int{2, manyMembers - 1, manyMembers, manyMembers + 1, 4 * manyMembers} {
		for _, twice := range []int{0, many / 2, many - 1} {
			var text []string
			for i := range many {
				text = append(text, fmt.Sprintf(`"n%d":%d`, i, i))
			}
			text = append(text, fmt.Sprintf(`"n%d":"again"`, twice), `"last":1`)
			var f faults
			all := members(&f, "", []byte("{"+strings.Join(text, ",")+"}"))
			if len(all) != many+1 || len(f.list) != 1 || f.list[0].Field != fmt.Sprintf("n%d", twice) {
				t.Errorf("name %d of %d twice: %d members, %v", twice, many, len(all), f.list)
			}
		}
	}
}

func TestEventDataHasNoCommonField(t *testing.T) {
	for _, data := range []string{`{"a":1,"n":2}`, `{"type":1}`, `{"\u0074ype":1}`} {
		if b, err := EventBody(ID{raw: "t"}, "seen", 1, 1, time.Now(), nil, json.RawMessage(data)); !errors.Is(err, ErrInternal) {
			t.Errorf("%s: %s, %v", data, b, err)
		}
	}
	if _, err := EventBody(ID{raw: "t"}, "seen", 1, 1, time.Now(), nil, json.RawMessage(`{"a":{"n":2},"\u0061t_":1}`)); err != nil {
		t.Error(err)
	}
}
