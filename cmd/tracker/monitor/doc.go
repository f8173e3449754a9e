// Package monitor serves what people on call and their tools ask a worker process over HTTP: /healthz, /readyz and /metrics.
//
// /healthz answers 200 as long as the process can do its work or get back to it, and 503 when only a restart helps.
// /readyz answers 200 while every check of every worker holds, and names each check. /metrics has one series per worker,
// never one per transaction.
package monitor
