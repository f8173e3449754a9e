#!/usr/bin/env bash
# Builds the binary as it is shipped and fails if a module that only tests may use is in it.
set -euo pipefail
go build -trimpath -o .cache/tracker ./cmd/tracker
modules=$(go version -m .cache/tracker | awk '$1 == "dep" {print $2, $3}')
printf '%s\n' "$modules"
for only_tests in github.com/google/go-cmp go.uber.org/goleak pgregory.net/rapid github.com/anishathalye/porcupine \
	github.com/santhosh-tekuri/jsonschema github.com/ethereum/go-ethereum; do
	if grep -q "^$only_tests[ /]" <<<"$modules"; then
		echo "$only_tests is for tests only and is in the binary"
		exit 1
	fi
done
