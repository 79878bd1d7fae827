#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What vdsoctl does where the kernel seals the vDSO of every process; TAP. Loads the module anew.
#
# test_sealed.sh DIR: as for test_vdsoctl.sh
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/../tap.sh"

here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?which directory holds vdsoctl?}
ctl=$dir/vdsoctl
tmp=$(mktemp -d)
sleep 1000 &
sleeper=$!
trap '{ kill -9 "$sleeper"; wait "$sleeper"; } 2>/dev/null; rm -rf "$tmp"' EXIT

load()
{
	"$ctl" unload && "$ctl" load "$dir/vdso_remap.ko" "$@"
}

# The program has not begun.
is_refused()
{
	"$ctl" exec "$@" 2>"$tmp/stderr"
	[ $? -eq 125 ] && grep 'For a sealed vDSO it takes .* --unseal' "$tmp/stderr"
}

works()
{
	"$ctl" exec --unseal --image "$1" "$2" check
}

moves_there_and_back()
{
	local text
	text=$(awk -F- '/\[vdso\]/ { print $1 }' "/proc/$sleeper/maps")
	"$ctl" move -p "$sleeper" --to "$(printf '%x' $((0x$text - 0x1000000)))" --unseal &&
		"$ctl" info -p "$sleeper" | grep 'text sealed' &&
		"$ctl" move -p "$sleeper" --to "$text" --unseal
}

if ! "$ctl" info | grep -q 'text sealed'; then
	! must_have sealed-vdso || echo -n "Bail out! "
	echo "1..0 # SKIP this kernel does not seal its mappings"
	exit
fi
if ! cc -O2 -pthread -o "$tmp/target" "$here/target.c" ||
   ! cc -m32 -D_FILE_OFFSET_BITS=64 -O2 -pthread -o "$tmp/target32" "$here/target.c"; then
	echo "Bail out! can't compile the test programs"
	exit 1
fi

images=("$dir"/*.vdso)
images32=("$dir"/i386/*.vdso)
echo "TAP version 13"
echo "1..$((3 + ${#images[@]} + ${#images32[@]}))"
claim "exec is refused" is_refused --image "${images[0]}" "$tmp/target" check
claim "exec is refused without the parameter" is_refused --unseal --image "${images[0]}" \
	"$tmp/target" check
load allow_unseal=1
for image in "${images[@]}"; do
	claim "exec with --unseal, $(basename "$image" .vdso)" works "$image" "$tmp/target"
done
for image in "${images32[@]}"; do
	claim "exec with --unseal, i386/$(basename "$image" .vdso)" works "$image" "$tmp/target32"
done
claim "move --unseal there and back" moves_there_and_back
load
exit "$failed"
