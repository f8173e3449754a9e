#!/usr/bin/env bash
# Installs what the tests of lossy networks need, where it is missing: nft and ip.
set -euo pipefail
if ! command -v nft >/dev/null || ! command -v ip >/dev/null; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends nftables iproute2
fi
nft --version
ip -Version
