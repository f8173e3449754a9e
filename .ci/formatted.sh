#!/usr/bin/env bash
# Names the files that gofumpt would change.
set -euo pipefail
ugly=$(git ls-files -z -- '*.go' | xargs -0 -r gofumpt -l)
if [[ -n $ugly ]]; then
	printf 'run gofumpt -w on:\n%s\n' "$ugly"
	exit 1
fi
