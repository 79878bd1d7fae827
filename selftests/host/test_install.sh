#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make install and uninstall, with DESTDIR and prefix. TAP on stdout.
# usage: test_install.sh TREE BUILD
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/../tap.sh"
tree=$(realpath "$1") build=$(realpath -m "$2")
stage=$(mktemp -d)
trap 'rm -r "$stage"' EXIT
make_tree()
{
	make -s -C "$tree" "$1" O="$build" DESTDIR="$stage" prefix=/usr
}

builds_with_clang()
{
	make -s -C "$tree/userspace" all CC=clang O="$build-clang"
}

is_there()
{
	local file
	for file in sbin/vdsoctl lib/libvdsoremap.a lib/libvdsoremap_pie.a lib/libvdsoremap.so \
		lib/libvdsoremap.so.0 lib/pkgconfig/libvdsoremap.pc include/vdso_remap.h \
		include/linux/vdso_remap.h share/man/man8/vdsoctl.8 share/man/man4/vdso_remap.4 \
		share/man/man3/vdso_remap_restore.3 lib/udev/rules.d/60-vdso-remap.rules \
		lib/modules-load.d/vdso-remap.conf; do
		[ -s "$stage/usr/$file" ] || { echo "no /usr/$file"; return 1; }
	done
}

is_inactive()
{
	! grep -v '^#' "$stage/usr/lib/udev/rules.d/60-vdso-remap.rules" \
		"$stage/usr/lib/modules-load.d/vdso-remap.conf"
}

has_soname()
{
	objdump -p "$stage/usr/lib/libvdsoremap.so" | grep -q 'SONAME *libvdsoremap.so.0$' &&
		[ "$(PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig pkg-config --modversion libvdsoremap)" = \
		"$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$tree/dkms.conf")" ]
}

exports_only_its_own()
{
	! nm -D --defined-only "$stage/usr/lib/libvdsoremap.so" | grep -v ' vdso_remap_\| VDSO_REMAP_'
}

manuals_are_clean()
{
	local page
	for page in "$tree"/userspace/man/*; do
		mandoc -T lint -W warning "$page" || return 1
	done
}

is_empty()
{
	! find "$stage" ! -type d | grep .
}

echo TAP version 13
echo 1..9
claim "library and vdsoctl build with clang, too" builds_with_clang
claim "make install works" make_tree install
claim "everything is where it belongs" is_there
claim "udev rule and modules-load file are inactive" is_inactive
claim "the shared library's soname and version are right" has_soname
claim "the shared library exports vdso_remap_* only" exports_only_its_own
claim "the manual pages are well-formed" manuals_are_clean
claim "make uninstall works" make_tree uninstall
claim "nothing stays" is_empty
exit "$failed"
