package ethereum

import "trackerfleet/workers/ethereum/jsonrpc"

// questions are calls that several findings wait for.
type questions struct {
	calls []*jsonrpc.Call
	of    map[*finding]*jsonrpc.Call
	asked map[question]*jsonrpc.Call
}

// question is a call of the one kind that a set of questions is of.
type question struct {
	from Address
	at   string // height or tag
}

func newQuestions() *questions {
	return &questions{of: map[*finding]*jsonrpc.Call{}, asked: map[question]*jsonrpc.Call{}}
}

func (q *questions) add(f *finding, call *jsonrpc.Call) {
	q.calls = append(q.calls, call)
	q.of[f] = call
}

// count asks how many nonces of f's sender are used up at a height or tag, once for all who want to know.
func (q *questions) count(f *finding, from Address, at string) {
	key := question{from, at}
	if call := q.asked[key]; call != nil {
		q.of[f] = call
		return
	}
	call := jsonrpc.NewCall("eth_getTransactionCount", from.String(), at)
	q.asked[key] = call
	q.add(f, call)
}

// read hands every finding its answered call.
func (q *questions) read(take func(*finding, *jsonrpc.Call)) {
	for f, call := range q.of {
		take(f, call)
	}
}

// askForOthers asks for the transactions that observers were told of in place of their own.
func (s *Source) askForOthers(findings []*finding) *questions {
	q := newQuestions()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range findings {
		if f.w.told != nil && f.w.told.rival != nil {
			q.add(f, jsonrpc.NewCall("eth_getTransactionByHash", f.w.told.rival.tx.String()))
		}
	}
	return q
}

// askForNonces asks for the nonces of senders, where the blocks do not tell whether one is used up.
func (s *Source) askForNonces(findings []*finding) *questions {
	q := newQuestions()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range findings {
		if s.book.doubts(f.w) {
			q.count(f, f.w.ref.extra.from, "latest")
		}
	}
	return q
}
