#!/usr/bin/env bash
# Fails if the steps before left something in the work tree that git doesn't ignore.
set -euo pipefail
left=$(git status --porcelain)
if [[ -n $left ]]; then
	printf 'left behind:\n%s\n' "$left"
	exit 1
fi
