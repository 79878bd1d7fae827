#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module refuses to load where it can't work, in one line. In a VM booted with vdso=0; TAP.
# usage: test_refusal.sh DIR, as selftests/build made it
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/../tap.sh"
dir=$1 release=$(uname -r)

# refuses MODULE WORDS: not loaded, and the kernel's log has one more line, with these words
refuses()
{
	dmesg --clear
	! insmod "$1" || return 1
	dmesg | grep -v 'loading out-of-tree\|module verification failed' >/tmp/lines
	cat /tmp/lines
	[ "$(wc -l </tmp/lines)" -eq 1 ] && grep -q "vdso_remap: not loaded: .*$2" /tmp/lines &&
		! grep -q '^vdso_remap' /proc/modules && [ ! -e /dev/vdso_remap ]
}

echo TAP version 13
echo 1..2
claim "a kernel function that can't be found is named" \
	refuses "$dir/module-broken/$release/vdso_remap.ko" 'function no__install_special_mapping'
name='without a vDSO to learn from it says so'
if grep -q '\[vdso\]' /proc/self/maps; then
	skip "$name" "this machine's kernels do not know the parameter vdso=0" no-vdso
else
	claim "$name" refuses "$dir/module/$release/vdso_remap.ko" 'no whole vDSO'
fi
exit "$failed"
