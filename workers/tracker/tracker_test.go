package tracker

import (
	"testing"
	"unsafe"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSz(t *testing.T) {
	t.Log(unsafe.Sizeof(Record{}), unsafe.Sizeof(place{}), unsafe.Sizeof(sight{}), unsafe.Sizeof(ask{}))
}
