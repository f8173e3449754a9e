#!/usr/bin/env bash
# Installs Compose v2 into $GOBIN, where the tests look for it beside the docker-compose that the machine has. It is built from its
# module, as the module builds itself: its go.mod excludes versions, which go install takes from nobody. Some minutes the first time.
set -euo pipefail
version=2.40.3
if [ "$(docker-compose-v2 version --short 2>/dev/null)" != "$version" ]; then
	module=github.com/docker/compose/v2
	dir=$(go mod download -json "$module@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	(cd "$dir" && go build -buildvcs=false -trimpath -ldflags "-s -w -X $module/internal.Version=$version" \
		-o "$GOBIN/docker-compose-v2" ./cmd)
fi
docker-compose-v2 version
