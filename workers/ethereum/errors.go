package ethereum

import "errors"

// Errors that show in a source's Health; test with errors.Is where one is returned.
var (
	// ErrAnswer is an answer of a node that is JSON-RPC but makes no sense.
	ErrAnswer = errors.New("ethereum: senseless answer")
	// ErrChain is a node of another chain than the configured one.
	ErrChain = errors.New("ethereum: endpoint is on another chain")
	// ErrLag is a node whose head is older than that of another one.
	ErrLag = errors.New("ethereum: endpoint lags")
	// ErrTorn is a branch that changed while it was read, or that a node has only in part.
	ErrTorn = errors.New("ethereum: the branch changed while it was read")
	// ErrBehind is a node whose head is older than one seen before.
	ErrBehind = errors.New("ethereum: head went down")
	// ErrReceipt is a receipt that is missing or is not of the block that it must be of.
	ErrReceipt = errors.New("ethereum: receipt missing or of another block")
	// ErrLookup is a look-up that a node left unanswered or answered with an error.
	ErrLookup = errors.New("ethereum: look-up failed")
	// ErrDeep is a reorganisation deeper than the window of known blocks.
	ErrDeep = errors.New("ethereum: reorganisation deeper than the window")
	// ErrRunning is a second Run at the same time.
	ErrRunning = errors.New("ethereum: already running")
)
