// Package process runs the workers of one operating system process, with the NATS server they talk to where it is embedded.
//
// An fx application holds the process: the embedded server, then HTTP, then the members. Every member is an fx application
// of its own, because there may be several: its connections, then its worker. Stopping goes the other way round: a worker
// is unready at once, takes no more starts, hands its partitions over, stops its trackers, flushes the journal and says
// goodbye; then its connections drain; HTTP answers until every member is gone; the server goes last.
package process
