#!/usr/bin/env bash
# Installs go-ethereum's node into $GOBIN, where the tests look for it. Takes some minutes the first time.
set -euo pipefail
version=1.17.8
if ! geth version 2>/dev/null | grep -q "^Version: $version"; then
	go install "github.com/ethereum/go-ethereum/cmd/geth@v$version"
fi
geth version
