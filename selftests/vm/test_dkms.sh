#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module through Debian's DKMS: installed, loaded, used, removed. In the VM; TAP on stdout.
# usage: test_dkms.sh SOURCE VDSOCTL
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/../tap.sh"
source=$1 vdsoctl=$2

is_described()
{
	local field
	for field in description license version author; do
		[ -n "$(modinfo -F "$field" vdso_remap)" ] || { echo "no $field"; return 1; }
	done
	[ "$(modinfo -F version vdso_remap)" = "$version" ]
}

answers()
{
	"$vdsoctl" info --json | grep -q '"present": *true'
}

is_gone()
{
	! modinfo vdso_remap && [ -z "$(dkms status vdso-remap)" ] &&
		[ ! -e "/usr/src/vdso-remap-$version" ]
}

cp -r "$source" /tmp/source
cd /tmp/source || exit 1
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

echo TAP version 13
echo 1..7
claim "make dkms-install builds and installs" make dkms-install
claim "dkms says installed" sh -c 'dkms status vdso-remap | grep -q installed'
claim "modinfo is complete" is_described
claim "modprobe vdso_remap loads it" modprobe vdso_remap
claim "the device answers" answers
claim "it unloads" modprobe -r vdso_remap
make dkms-remove >/tmp/remove.log 2>&1
claim "make dkms-remove leaves nothing" is_gone
exit "$failed"
