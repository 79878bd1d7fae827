#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Which kernels are refused, told without one: what the compiler says to the module's sources under
# the version of an old kernel, and for which DKMS builds it. TAP on stdout.
# usage: test_refusal.sh TREE
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/../tap.sh"
tree=$(realpath "$1")
headers=$(mktemp -d)
trap 'rm -r "$headers"' EXIT

# What every kernel has; and what those that seal mappings, and those with PR_SET_MDWE, have.
config=(-DCONFIG_SMP -DCONFIG_SECURITY -DCONFIG_64BIT)
seals='#define VM_SEALED (1ULL << 63)'
mdwe='#define MMF_HAS_MDWE 28'

# preprocess MAJOR MINOR [LINE...]: compat.h, as for that kernel, of whose headers it sees nothing
# else but these lines
preprocess()
{
	mkdir -p "$headers/linux/sched"
	cat >"$headers/linux/version.h" <<-END
		#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
		#define LINUX_VERSION_CODE KERNEL_VERSION($1, $2, 255)
	END
	touch "$headers"/linux/{capability,sched,sched/coredump}.h
	shift 2
	printf '%s\n' "$@" >"$headers/linux/mm.h"
	gcc -E -nostdinc -I "$headers" '-DIS_ENABLED(x)=1' "${config[@]}" "$tree/kmod/compat.h"
}

# is_refused WORDS MAJOR MINOR [LINE...]
is_refused()
{
	local words=$1
	shift
	! preprocess "$@" >"$headers/said" 2>&1 && grep "#error \"vdso_remap: .*$words" "$headers/said"
}

is_too_old()
{
	is_refused 'needs Linux 5.10 or later' "$@"
}

without_security()
{
	local config=(-DCONFIG_SMP -DCONFIG_64BIT)
	is_refused CONFIG_SECURITY 6 1
}

# Only 64-bit kernels seal.
of_32_bits()
{
	local config=(-DCONFIG_SMP -DCONFIG_SECURITY)
	preprocess 6 12 "$mdwe"
}

# builds VERSION: whether DKMS would build it for that kernel
builds()
{
	(set +u; . "$tree/dkms.conf" && [[ $1 =~ $BUILD_EXCLUSIVE_KERNEL ]])
}

does_not_build()
{
	! builds "$1"
}

old=(3.10.0-1160.el7.x86_64 4.4.0-1-amd64 4.19.0-27-amd64 5.4.0-200-generic 5.9.0 5.9.16-amd64)
supported=(5.10.0-32-amd64 5.15.0-1 6.1 6.1.0-50-amd64 6.12.117+deb13-amd64 7.3-amd64 10.0.0)

echo TAP version 13
echo "1..$((11 + ${#old[@]} + ${#supported[@]}))"
claim "Linux 4.19 is refused in words" is_too_old 4 19
claim "Linux 5.9 is refused in words" is_too_old 5 9
claim "Linux 5.10 is not" preprocess 5 10
claim "Linux 6.1 is not" preprocess 6 1
claim "Linux 6.1 without CONFIG_SECURITY is refused in words" without_security
claim "Linux 6.6 without MMF_HAS_MDWE is refused in words" is_refused MMF_HAS_MDWE 6 6
claim "Linux 6.6 with it is not" preprocess 6 6 "$mdwe"
claim "Linux 6.12 without VM_SEALED is refused in words" is_refused VM_SEALED 6 12 "$mdwe"
claim "Linux 6.12 without MMF_HAS_MDWE is refused in words" is_refused MMF_HAS_MDWE 6 12 "$seals"
claim "Linux 6.12 with both is not" preprocess 6 12 "$seals" "$mdwe"
claim "Linux 6.12 of 32 bits without VM_SEALED is not" of_32_bits
for version in "${old[@]}"; do
	claim "DKMS does not build for $version" does_not_build "$version"
done
for version in "${supported[@]}"; do
	claim "DKMS builds for $version" builds "$version"
done
exit "$failed"
