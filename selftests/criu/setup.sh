# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by qemu/setup, whose variables and functions it uses.
# A tree of trixie with CRIU and what CRIU is built with, its sources, and the tree as the VM's disk.

criu_suite=trixie
# what make and CRIU's own restore want; and to run: vdsoctl's libraries, mount for a root
criu_packages=(gcc gcc-multilib libc6-dev libc6-dev-i386 make pkgconf golang-go python3 xz-utils
	       criu libprotobuf-dev protobuf-compiler libprotobuf-c-dev protobuf-c-compiler libcap-dev
	       libnl-3-dev libnl-genl-3-dev libnet1-dev libaio-dev libbsd-dev libgnutls28-dev
	       libnftables-dev uuid-dev iptables nftables iproute2 kmod libjson-c5 mount)

make_criu_tree()
{
	local tree=$1 lines from=$cache/apt/$criu_suite
	mapfile -t lines < <(sources "$criu_suite")
	mmdebstrap --mode=root --variant=apt --include="$(IFS=,; echo "${criu_packages[*]}")" \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		"$criu_suite" "$tree" "${lines[@]}"
	mkdir -p "$tree"/{src,share,out,usr/src/criu} "$from/etc/apt/sources.list.d"
	sources "$criu_suite" | sed 's/^deb /deb-src /' >"$from/etc/apt/sources.list.d/source.list"
	update_private_apt "$criu_suite"
	(cd "$tree/usr/src" &&
		private_apt "$criu_suite" apt-get source --download-only --tar-only criu &&
		tar -xf criu_*.orig.tar.* -C criu --strip-components=1)
}

setup_criu()
{
	local tree=$cache/build/criu criu_from
	criu_from="$(recipe make_criu_tree make_disk) ${criu_packages[*]}"
	! made_from "$tree.done" "$criu_from" || return 0
	step "$criu_suite with CRIU" replace "$tree" make_criu_tree "$tree.new"
	root=$tree disk=$cache/criu.img step "$criu_suite with CRIU: disk image" make_disk
	echo "$criu_from" >"$tree.done"
}
