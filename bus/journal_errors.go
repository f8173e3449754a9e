package bus

import (
	"errors"
	"fmt"
)

// What ends a [Write] without success.
var (
	// ErrFenced says that the epoch of a write is not the partition's any more: somebody else owns it.
	ErrFenced = errors.New("bus: partition has another owner")
	// ErrStale says that a record was not at the revision that its write expected; see [StaleError].
	ErrStale = errors.New("bus: record is at another revision")
	// ErrClosed says that the journal does not run any more. Whether a write that had gone out was stored is unknown.
	ErrClosed = errors.New("bus: journal is closed")
)

// FencedError is [ErrFenced] with the partition and the epoch that has ended.
type FencedError struct {
	Partition int
	Epoch     uint64
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("%v: partition %d, epoch %d has ended", ErrFenced, e.Partition, e.Epoch)
}

// Is reports whether target is [ErrFenced].
func (e *FencedError) Is(target error) bool { return target == ErrFenced }

// StaleError is [ErrStale] with the record that is there instead; Record is nil when there is none.
type StaleError struct {
	Subject  string
	Expected uint64
	Record   *Record
}

func (e *StaleError) Error() string {
	if e.Record == nil {
		return fmt.Sprintf("%v: %s, expected %d, there is none", ErrStale, e.Subject, e.Expected)
	}
	return fmt.Sprintf("%v: %s, expected %d, is at %d", ErrStale, e.Subject, e.Expected, e.Record.Revision)
}

// Is reports whether target is [ErrStale].
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// ErrUnknownOutcome says that no acknowledgement arrived: what was published may be stored, now or later, or not.
var ErrUnknownOutcome = errors.New("bus: outcome of the publish is unknown")

// Codes of JetStream errors that decide what happens next; see errors.json of nats-server.
const (
	codeClusterNotAvailable = 10008 // no leader for now
	codeNoMessage           = 10037
	codeNoStorage           = 10047 // the file store has not that much left
	codeMessageTooLarge     = 10054
	codeWrongLastSequence   = 10071 // a condition did not hold
	codeHeaderTooLarge      = 10097
	codeConditionalInFlight = 10164 // another conditional write to the subject is being replicated
	codeInvalidTTL          = 10165
	codeTTLDisabled         = 10166
	codeBatchIncomplete     = 10176 // part of the batch got lost, e.g. by a change of the stream's leader
	codeUnsupportedHeader   = 10177
	codeBatchTooLarge       = 10199
)

// APIError is an error reply of JetStream. The request that it answers was not carried out.
type APIError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *APIError) Error() string {
	return fmt.Sprintf("bus: jetstream: %s (%d)", e.Description, e.ErrCode)
}

// apiCode returns the JetStream error code of err, 0 when it has none.
func apiCode(err error) int {
	var api *APIError
	if errors.As(err, &api) {
		return api.ErrCode
	}
	return 0
}

// messageFault reports whether code blames a message itself, so that sending it again cannot help.
func messageFault(code int) bool {
	switch code {
	case codeMessageTooLarge, codeHeaderTooLarge, codeInvalidTTL, codeTTLDisabled, codeUnsupportedHeader:
		return true
	}
	return false
}
