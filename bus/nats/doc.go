// Package nats holds no code but the configuration of the NATS nodes that a fleet runs on, for docker-compose.yml and to be taken
// over elsewhere: nats.conf for one node of three, roles.conf for who may do what, and tls.conf for the same with TLS.
//
// Its tests start nats-server with exactly these files and try every role on every subject.
package nats
