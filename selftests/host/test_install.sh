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
		lib/libvdsoremap.so.1 lib/pkgconfig/libvdsoremap.pc include/vdso_remap.h \
		include/linux/vdso_remap.h share/man/man8/vdsoctl.8 share/man/man4/vdso_remap.4 \
		share/man/man3/vdso_remap_restore.3 \
		share/man/man7/vdso_remap_integration.7 share/man/man7/vdso-remap-criu.7 \
		lib/criu/vdso_remap_plugin.so lib/udev/rules.d/60-vdso-remap.rules \
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
	objdump -p "$stage/usr/lib/libvdsoremap.so" | grep -q 'SONAME *libvdsoremap.so.1$' &&
		[ -e "$stage/usr/lib/libvdsoremap.so.1.0.0" ] &&
		[ "$(PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig pkg-config --modversion libvdsoremap)" = \
		"$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$tree/dkms.conf")" ]
}

exports_only_its_own()
{
	! nm -D --defined-only "$stage/usr/lib/libvdsoremap.so" | grep -v ' vdso_remap_\| VDSO_REMAP_'
}

# The structures and functions, with their names as C++ has them
is_usable_from_cxx()
{
	clang++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -x c++ -I"$stage/usr/include" - <<-'END'
		#include <vdso_remap.h>
		int restore(int fd, int pid)
		{
			vdso_remap_error error = VDSO_REMAP_INIT(error);
			vdso_remap_restore_args args = VDSO_REMAP_INIT(args, .fd = fd, .pid = pid,
								       .error = &error);
			vdso_remap_image image = VDSO_REMAP_INIT(image);
			vdso_remap_plan plan = VDSO_REMAP_INIT(plan);
			vdso_remap_status status = VDSO_REMAP_INIT(status);
			return vdso_remap_restore(&args) + vdso_remap_query(fd, pid, &status) +
			       vdso_remap_make_plan(&plan, &image, &image, 0);
		}
	END
}

# Each function of the header, also those that share a page
has_manuals()
{
	local name
	while read -r name; do
		grep -q "^\.Nm $name\>" "$stage/usr/share/man/man3/$name.3" ||
			{ echo "no manual of $name"; return 1; }
	done < <(sed -n 's/^[a-z].*\<\(vdso_remap_[a-z_]*\)(.*/\1/p' "$tree/include/vdso_remap.h")
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
echo 1..11
claim "library and vdsoctl build with clang, too" builds_with_clang
claim "make install works" make_tree install
claim "everything is where it belongs" is_there
claim "udev rule and modules-load file are inactive" is_inactive
claim "the shared library's soname and version are right" has_soname
claim "the shared library exports vdso_remap_* only" exports_only_its_own
claim "the header can be used from C++" is_usable_from_cxx
claim "the manual pages are well-formed" manuals_are_clean
claim "each function has a manual page" has_manuals
claim "make uninstall works" make_tree uninstall
claim "nothing stays" is_empty
exit "$failed"
