# Two images from one file: tracker, and nats, which is the official nats-server with the tracker beside it for the health
# check. Neither has a shell, a package manager or a user other than 65532, and both run on a read-only file system.
#
#   docker build --tag trackerfleet .
#   docker build --target nats --tag trackerfleet-nats .

ARG GO_IMAGE=golang:1.26.8
ARG NATS_IMAGE=nats:2.15.2-scratch

FROM ${GO_IMAGE} AS build
# An image from scratch cannot make folders: /rootfs/data becomes the owner's folder in the image of the nodes.
WORKDIR /rootfs/data
WORKDIR /src
ENV CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
COPY go.mod go.sum ./
RUN ["go", "mod", "download"]
COPY . ./
RUN ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", "/rootfs/tracker", "./cmd/tracker"]

FROM ${NATS_IMAGE} AS nats
COPY --from=build /rootfs/tracker /tracker
COPY --from=build --chown=65532:65532 /rootfs/data /data
COPY bus/nats/nats.conf bus/nats/roles.conf /etc/nats/
USER 65532:65532
VOLUME /data
EXPOSE 4222 6222
# The official image has neither wget nor a shell, and the monitoring port is on loopback inside.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["/tracker", "check", "server", "--http", "127.0.0.1:8222", "--timeout", "2s"]
ENTRYPOINT ["/nats-server"]
CMD ["--config", "/etc/nats/nats.conf"]

FROM scratch AS tracker
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /rootfs/tracker /tracker
USER 65532:65532
# One address for the worker and for its health check; only the container itself can reach it.
ENV TRACKER_HTTP=127.0.0.1:8460
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["/tracker", "check", "ready", "--timeout", "2s"]
ENTRYPOINT ["/tracker"]
CMD ["worker"]
