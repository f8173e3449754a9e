// Package container runs the shipped Dockerfile and docker-compose.yml on a Docker engine, for tests. It needs no registry: the
// two images that the Dockerfile begins with are made from what is here, the Go toolchain that runs the test with the modules
// that it has, and nats-server built from its module.
//
// Everything that a [Project] makes, containers, networks, volumes and images, has a name of its own and is removed when the
// test ends. Where there is no engine the tests are skipped, and fail if CI is true.
package container
