// Package httppoll is a source that follows transactions by asking an HTTP API for their status: those of a payment processor.
//
// Where it asks is the operator's: one URL template for an account. A start names values for the template's variables and
// can say nothing else. An expression finds the provider's status in the answer, and a map says what that status means.
//
// # What an answer means
//
//   - 2xx: the status expression is evaluated. A status of the map is pending, missing or the end; any other keeps being
//     asked for, or fails the transaction if the profile says so.
//   - 304: as before.
//   - 404: looked for in vain. After some such looks a tracker that was pending is missing, and after long enough it is dropped.
//   - 410: dropped.
//   - 401, 403: the account is stopped. One request at a time looks whether the credentials are taken again, each time for
//     another transaction, so that one which is forbidden by itself doesn't stop the others.
//   - 429, 503: the account pauses, for as long as Retry-After says.
//   - Anything else, and what cannot be read, is trouble of the account and says nothing of a transaction.
//
// # What is promised
//
//   - The provider's word is the only authority. What fails decides nothing: statuses stay, [source.Health] tells.
//   - Whoever sets the machine's clock moves nothing: the schedule, and how long a look is in vain, have a clock of their own.
//   - There is one schedule for all: no goroutine and no timer for a transaction, at most Concurrency requests under way, never
//     more than Rate begun in a second, and nothing waits inside a request.
//   - Requests go to the host of the template and nowhere else: redirects elsewhere are not followed, the address is
//     checked when it is dialled, however its name resolves, and no proxy is used.
//   - At most MaxBody bytes of an answer are read, decompressed.
//   - Secrets appear in no error, observation or health, even when the provider sends them back.
//
// Rate and Concurrency are those of one source, so every worker has its own: an account's limit is to be divided by the
// number of workers.
//
// # Locks
//
// One mutex per [Source], never held during a request, held while observers are called. An observer must not call its handle
// from Observe.
package httppoll
