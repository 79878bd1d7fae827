#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# userspace/criu/apply with the patches for each version of CRIU, in trees that have of CRIU only the lines
# that the patches expect. TAP on stdout.
# usage: test_criu_patches.sh TREE
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/../tap.sh"
tree=$(realpath "$1")
ours=$tree/userspace/criu patches=$tree/userspace/criu/patches
work=$(mktemp -d)
trap 'rm -r "$work" "$claim_said"' EXIT
export GIT_CONFIG_NOSYSTEM=1 HOME=$work GIT_CONFIG_COUNT=2
export GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=test
export GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=test@localhost

mkdir "$work/library"
echo hosted >"$work/library/libvdsoremap.a"
echo freestanding >"$work/library/libvdsoremap_pie.a"

# list VERSION: the paths of its patches, in order
list()
{
	sed "s|^|$patches/|" "$patches/series-$1"
}

# make_tree DIR VERSION SIDE [NUMBER]: a source tree that has the lines before (SIDE is -) or after (+)
# the patches. In the hunk of that number, counted through all patches, one line is another.
make_tree()
{
	local dir=$1 version=$2 side=$3 spoiled=${4:-0} file
	rm -rf "$dir"
	mkdir -p "$dir/criu/pie" "$dir/criu/include"
	for file in $(list "$version" | xargs sed -n 's,^+++ b/,,p'); do
		mkdir -p "$dir/$(dirname "$file")"
	done
	printf 'CRIU_VERSION_%s\t:= %s\n' MAJOR "${version%.*}" MINOR "${version#*.}" SUBLEVEL 1 \
		>"$dir/Makefile.versions"
	# shellcheck disable=SC2016 # a program for awk
	list "$version" | xargs awk -v dir="$dir" -v side="$side" -v spoiled="$spoiled" '
		FNR == 1 || /^diff --git / { inside = 0 }
		sub("^[+][+][+] b/", "") { file = dir "/" $0 }
		/^@@ / { inside = 1; line = 0; print "hunk", ++hunk >>file; next }
		inside && (/^ / || substr($0, 1, 1) == side) {
			print hunk == spoiled && !line++ ? "another line" : substr($0, 2) >>file
		}'
}

apply()
{
	"$ours/apply" "$1" "$work/library"
}

# state DIR: all that is in it, and how
state()
{
	(cd "$1" && find . -path ./.git -prune -o -printf '%M %p\n' -type f -exec sha256sum {} + | sort)
}

is_same()
{
	diff <(state "$1") <(state "$2")
}

# is_refused WORDS DIR: apply says these words, and leaves the tree as it was
is_refused()
{
	local words=$1 dir=$2
	state "$dir" >"$work/before"
	if apply "$dir" >"$work/said" 2>&1; then
		echo "it did not fail"
		return 1
	fi
	cat "$work/said"
	grep -q -F -e "$words" "$work/said" && state "$dir" | diff "$work/before" -
}

applies()
{
	local dir=$work/criu
	make_tree "$dir" "$1" -
	apply "$dir" || return 1
	cmp "$ours/criu.c" "$dir/criu/vdso-remap.c" &&
		cmp "$ours/restorer.c" "$dir/criu/pie/vdso-remap.c" &&
		cmp "$ours/vdso-remap.h" "$dir/criu/include/vdso-remap.h" &&
		cmp "$tree/include/vdso_remap.h" "$dir/criu/vdso-remap/vdso_remap.h" &&
		cmp "$tree/include/uapi/linux/vdso_remap.h" "$dir/criu/vdso-remap/linux/vdso_remap.h" &&
		(cd "$tree/arch" && for header in criu.h */criu.h; do
			cmp "$header" "$dir/criu/vdso-remap/arch/$header" || exit 1
		done) &&
		diff -r -x arch -x linux -x vdso_remap.h "$work/library" "$dir/criu/vdso-remap" || return 1
	rm -r "$dir/criu/vdso-remap" "$dir/criu/vdso-remap.c" "$dir/criu/pie/vdso-remap.c" \
		"$dir/criu/include/vdso-remap.h"
	make_tree "$work/after" "$1" +
	is_same "$work/after" "$dir"
}

adds_files_after_git_am()
{
	local dir=$work/am
	make_tree "$work/criu" "$1" -
	make_tree "$dir" "$1" -
	(cd "$dir" && git init -q && git add . && git commit -q -m before && list "$1" | xargs git am -q) ||
		return 1
	apply "$work/criu" && apply "$dir" && is_same "$work/criu" "$dir"
}

# whichever hunk it is that does not fit
changes_all_or_nothing()
{
	local number=0 patch
	list "$1" | xargs grep -H '^@@ ' | sed 's|:.*||; s|.*/||' >"$work/hunks"
	[ -s "$work/hunks" ] || return 1
	while read -r patch; do
		number=$((number + 1))
		make_tree "$work/criu" "$1" - "$number"
		is_refused "patches/$patch does not fit" "$work/criu" || {
			echo "^ hunk $number, of $patch"
			return 1
		}
	done <"$work/hunks"
}

needs_all_files()
{
	make_tree "$work/criu" "$1" -
	rm "$work/criu/criu/mem.c"
	is_refused "-dump-leave-out-the-state-of-vDSO-getrandom.patch does not fit" "$work/criu"
}

refuses_half_of_it()
{
	local first
	first=$(list "$1" | head -n 1)
	make_tree "$work/criu" "$1" -
	patch -s -p 1 -d "$work/criu" -i "$first" && is_refused "patches/${first##*/} does not fit" "$work/criu"
}

refuses_another_version()
{
	make_tree "$work/criu" 4.1 -
	sed -i 's/MINOR.*/MINOR := 99/' "$work/criu/Makefile.versions"
	is_refused "CRIU 4.99.1: there are patches only for $versions" "$work/criu"
}

refuses_a_second_time()
{
	make_tree "$work/criu" 4.1 -
	apply "$work/criu" && is_refused "vdso-remap is there already" "$work/criu"
}

# Each is part of a series, and a mail.
is_complete()
{
	local patch
	diff <(cat "$patches"/series-* | sort -u) <(cd "$patches" && printf '%s\n' *.patch) || return 1
	for patch in "$patches"/*.patch; do
		sed -n '1,/^---$/p' "$patch" >"$work/head"
		if [ "$(grep -c '^From: .* <.*>$\|^Date: \|^Subject: \[PATCH\] \|^---$' "$work/head")" != 4 ] ||
			[ "$(sed '1,/^$/d; /^---$/d' "$work/head" | wc -w)" -lt 10 ]; then
			cat "$work/head"
			return 1
		fi
	done
}

versions=$(cd "$patches" && echo series-* | sed 's/series-//g')
echo TAP version 13
echo "1..$(($(wc -w <<<"$versions") * 5 + 3))"
for version in $versions; do
	claim "CRIU $version: all patches are applied, our files added" applies "$version"
	claim "CRIU $version: git am applies the same" adds_files_after_git_am "$version"
	claim "CRIU $version: a hunk that does not fit is named, and nothing is changed" \
		changes_all_or_nothing "$version"
	claim "CRIU $version: a file that is not there is a misfit, too" needs_all_files "$version"
	claim "CRIU $version: not on top of some of the patches" refuses_half_of_it "$version"
done
claim 'another version of CRIU is refused' refuses_another_version
claim 'applied twice is refused' refuses_a_second_time
claim 'every patch is a mail with a reason, and in use' is_complete
exit "$failed"
