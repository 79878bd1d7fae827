#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Real programs under every kernel's image, by vdsoctl exec: all functions are called, and in
# 32-bit programs libc's own system calls can go through the image as well. TAP.
#
# test_images.sh DIR: DIR holds vdsoctl, and call_vdso and call_vdso32 in vm; VDSO_IMAGES names a
# directory of images, RELEASE.vdso, and ABIS the ABIs; those of the second are in a directory of its name.
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/../tap.sh"

dir=${1:?which directory holds vdsoctl?}

# under IMAGE COMMAND...
under()
{
	local image=$1
	shift
	"$dir/vdsoctl" exec --image "$image" -- "$@"
}

read -r abi abi32 _ <<<"${ABIS:?}"
shopt -s nullglob
images=("${VDSO_IMAGES:?}"/*.vdso)
images32=()
[ -z "$abi32" ] || images32=("$VDSO_IMAGES/$abi32"/*.vdso)

there_are_images()
{
	[ ${#images[@]} -gt 1 ] && { [ -z "$abi32" ] || [ ${#images32[@]} -gt 1 ]; }
}

echo TAP version 13
echo "1..$((${#images[@]} + ${#images32[@]} + 1))"
claim "there are images of each ABI" there_are_images
for image in "${images[@]}"; do
	claim "$abi under ${image##*/}" under "$image" "$dir/vm/call_vdso"
done
for image in "${images32[@]}"; do
	claim "$abi32 under ${image##*/}" under "$image" "$dir/vm/call_vdso32"
done
exit "$failed"
