# step NAME COMMAND… runs the command unless a step before it failed, and notes how it ended and how long it took.
# finish prints the table and exits with the status of the first failure.

names=() results=() failed=0

step() {
	local name=$1 begin=$SECONDS
	shift
	names+=("$name")
	if ((failed)); then
		results+=("not run")
		return
	fi
	printf '\n=== %s\n' "$name"
	if "$@" </dev/null; then
		results+=("ok $((SECONDS - begin))s")
	else
		failed=$?
		results+=("FAILED ($failed) $((SECONDS - begin))s")
	fi
	printf -- '--- %s: %s\n' "$name" "${results[-1]}"
}

finish() {
	local i
	printf '\n%s\n' "=== results after ${SECONDS}s"
	for i in "${!names[@]}"; do
		printf '%-36s %s\n' "${names[i]}" "${results[i]}"
	done
	exit "$failed"
}
