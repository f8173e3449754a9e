package tracker

import (
	"fmt"
	"math"
	"time"
)

// stamp is a time in nanoseconds since 1970, UTC; zero is no time. It is a third of a time.Time and always encodable.
type stamp int64

var (
	firstStamp = time.Unix(0, math.MinInt64)
	lastStamp  = time.Unix(0, math.MaxInt64)
)

// stampOf returns t as a stamp, none if t lies outside of the years 1678 to 2262.
func stampOf(t time.Time) stamp {
	if t.Before(firstStamp) || t.After(lastStamp) {
		return 0
	}
	return stamp(t.UnixNano())
}

// time returns s as a time.Time, the zero time for none.
func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

// pointer returns s for an optional field, nil for none.
func (s stamp) pointer() *time.Time {
	if s == 0 {
		return nil
	}
	t := s.time()
	return &t
}

// since returns how long before s other was, zero if it was later or one of them is none.
func (s stamp) since(other stamp) time.Duration {
	if s == 0 || other == 0 {
		return 0
	}
	return max(0, s.time().Sub(other.time()))
}

// MarshalJSON writes s in RFC 3339 form.
func (s stamp) MarshalJSON() ([]byte, error) { return s.time().MarshalJSON() }

// UnmarshalJSON reads an RFC 3339 time; null and the zero time are none. It refuses times that no stamp can hold.
func (s *stamp) UnmarshalJSON(b []byte) error {
	var t time.Time
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	*s = stampOf(t)
	if *s == 0 && !t.IsZero() && t.Unix() != 0 {
		return fmt.Errorf("time %s is out of range", b)
	}
	return nil
}
