// Package jsonrpc is a small JSON-RPC 2.0 client over HTTP for talking to nodes that nobody vouches for.
//
// What it guarantees:
//
//   - Calls are sent in batches no larger than the server accepts: a refused batch is halved and sent again, and answers are
//     matched by id, whatever their order. A call that the server left unanswered says so.
//   - A single error object that answers a whole batch is understood: as pacing, or as a refusal of the batch's size.
//   - Being told to slow down (429, 503 with Retry-After, or the same as an error inside a 200) is a [*PacedError], and nothing
//     is sent before its time has passed.
//   - No answer is read beyond MaxBody, decompressed. No redirect is followed.
//   - Nothing that is secret in the URL (user, path, query) or in headers is in any error or in [Client.Name]; errors carry no *url.Error.
//
// A [Subscription] is what a server tells of by itself, over a websocket, with the same guarantees.
//
// A Client has no goroutine and may be used by several at once.
package jsonrpc
