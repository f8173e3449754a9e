package embedded

import "fmt"

// fatalLog hands the server's lines to the logger of the configuration and keeps the first fatal one for Start.
type fatalLog struct {
	next   Logger
	failed chan string
}

func (l *fatalLog) Fatalf(format string, v ...any) {
	select {
	case l.failed <- fmt.Sprintf(format, v...):
	default:
	}
	l.Errorf(format, v...)
}

func (l *fatalLog) Noticef(format string, v ...any) {
	if l.next != nil {
		l.next.Infof(format, v...)
	}
}

func (l *fatalLog) Warnf(format string, v ...any) {
	if l.next != nil {
		l.next.Warnf(format, v...)
	}
}

func (l *fatalLog) Errorf(format string, v ...any) {
	if l.next != nil {
		l.next.Errorf(format, v...)
	}
}

func (l *fatalLog) Debugf(format string, v ...any) {
	if l.next != nil {
		l.next.Debugf(format, v...)
	}
}

// Tracef drops the line: the server traces payloads.
func (l *fatalLog) Tracef(string, ...any) {}
