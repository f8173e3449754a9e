#!/usr/bin/env bash
# Installs the pinned tools into $GOBIN. They are no part of go.mod.
set -euo pipefail
go install mvdan.cc/gofumpt@v0.12.0
go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
