# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # the scripts that read this use the variables
# Where check and its parts find and put things, and the functions that they share. Its caller sets
# nothing for it.
#   say TEXT...            a line about what is going on
#   queue COMMAND...       in the background, two at a time if a VM has one thread; it is a failure if the
#                          command fails
#   tap NAME COMMAND...    keeps the command's TAP in the results
#   verdict NAME ok|'not ok' CLAIM   TAP about something that has none of its own
#   build_module KERNEL    for this kernel
#   other_images KERNEL    the names of the images that are not of this kernel
selftests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=selftests/qemu/lib.sh
. "$selftests/qemu/lib.sh"
tree=$(dirname "$selftests")
build=${O:-$tree/build}
results=$build/results	# TAP, that of a kernel in a directory of its own
guest=$build/guest	# what a VM sees at /share

say()
{
	printf 'check: %(%T)T: %s\n' -1 "$*"
}

# As one emulated machine keeps one core busy, or two if its processors run at the same time
queue()
{
	local at_once=2
	[ "$vm_threads" = single ] || at_once=1
	while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do
		wait -n || true
	done
	{ "$@" || verdict "failed/$BASHPID" 'not ok' "$*"; } &
}

tap()
{
	local name=$1 begin=$SECONDS
	shift
	"$@" >"$results/$name.tap" || true
	say "$name: $((SECONDS - begin)) s"
}

verdict()
{
	mkdir -p "$(dirname "$results/$1")"
	printf '1..1\n%s 1 %s\n' "$2" "$3" >"$results/$1.tap"
}

build_module()
{
	local verdict=ok
	{
		"$selftests/qemu/setup" "kernel-$1" "build-$1" && say "building the module for $1" &&
			"$selftests/qemu/chroot-build" --suite "$1" "$tree" "$guest" -- \
				selftests/build module module-broken
	} || verdict='not ok'
	verdict "$1/build" "$verdict" 'the module is built'
}

other_images()
{
	local image
	for image in "$guest"/images/*.vdso; do
		image=$(basename "$image" .vdso)
		[ "$image" = "$(cat "$cache/kernel/$1/release")" ] || echo "$image"
	done
}
