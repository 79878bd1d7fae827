# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# A function for qemu/setup: setup_suites. Of its own functions it calls step, replace,
# update_private_apt and private_apt.
# The kernel's own tests of vDSOs, built for the VM of a Linux that a stable Debian has: those of a
# newer one want a newer compiler and libc than the VM's.

suites_from=trixie
suites_source=linux-source-6.12
suites_build=$here/../suites/build suites_arch=$here/../arch/$arch/suites

make_suites()
{
	local to=$1 work=$1/source selftests='linux-source-*/tools/testing/selftests'
	mkdir "$work"
	update_private_apt "$suites_from"
	(cd "$work" && private_apt "$suites_from" apt-get download "$suites_source")
	dpkg-deb --fsys-tarfile "$work"/*.deb |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc -T0 |
		tar -x -C "$work" --strip-components=1 --wildcards --anchored --no-wildcards-match-slash \
			"$selftests"/{vDSO,"$arch",'*.mk','*.h'} \
			'linux-source-*'/{include,tools/{include,"arch/$arch",scripts}} ||
		[ $? -eq 2 ]	# not every machine has tests of its own
	cp "$suites_build" "$work/build-suites"
	cp "$suites_arch" "$work/build-arch"
	"$here/chroot-build" "$work" "$to" -- ./build-suites
	rm -r "$work"
}

setup_suites()
{
	local dir=$cache/suites from
	from="$(recipe make_suites) $suites_from $suites_source \
$(cat "$suites_build" "$suites_arch" | sha256sum | cut -c 1-16)"
	! made_from "$dir/made-from" "$from" || return 0
	step "the kernel's own tests of vDSOs" replace "$dir" make_suites "$dir.new"
	echo "$from" >"$dir/made-from"
}
