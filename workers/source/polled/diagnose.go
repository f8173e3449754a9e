package polled

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/source"
)

// Diagnose calls Ask for no transaction and says whether it answers.
func (s *Source) Diagnose(ctx context.Context) []source.Finding {
	began := time.Now()
	asking, cancel := context.WithTimeoutCause(ctx, s.cfg.Timeout, fmt.Errorf("does not answer within %v", s.cfg.Timeout))
	defer cancel()
	_, err := s.cfg.Ask(asking, nil)
	if cause := context.Cause(asking); cause != nil && errors.Is(err, asking.Err()) {
		err = cause
	}
	if err != nil {
		return []source.Finding{{Subject: s.cfg.Name, Severity: source.Faulty, Message: words(err)}}
	}
	took := max(time.Since(began).Round(time.Millisecond), time.Millisecond)
	return []source.Finding{{Subject: s.cfg.Name, Message: fmt.Sprintf("answers, within %v", took)}}
}
