package bubble

import (
	"bytes"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLog returns a log that is shown when the test fails.
func newLog(t *testing.T, lines *lines) *zap.Logger {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(lines.String())
		}
	})
	encoder := zap.NewDevelopmentEncoderConfig()
	encoder.EncodeCaller = nil
	encoder.EncodeTime = zapcore.TimeEncoderOfLayout("05.000")
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), lines, zap.InfoLevel))
}

// lines keeps what a log writes.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// Sync does nothing.
func (l *lines) Sync() error { return nil }

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
