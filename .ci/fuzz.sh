#!/usr/bin/env bash
# fuzz.sh DURATION runs every fuzz target of the module for that long, one after the other.
set -euo pipefail
found=0
while read -r package; do
	while read -r target; do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package"
		found=$((found + 1))
	done < <(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true)
done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | grep .)
echo "$found fuzz targets"
((found > 0))
