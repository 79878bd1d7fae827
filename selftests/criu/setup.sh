# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by qemu/setup, whose variables and functions it uses.
# A tree of a suite with CRIU and what CRIU is built with, its sources, and the tree as the VM's disk.

# what make and CRIU's own restore want; and to run: vdsoctl's libraries, mount for a root
criu_packages=(gcc gcc-multilib libc6-dev libc6-dev-i386 make patch pkgconf golang-go python3 xz-utils
	       criu libprotobuf-dev protobuf-compiler libprotobuf-c-dev protobuf-c-compiler libcap-dev
	       libnl-3-dev libnl-genl-3-dev libnet1-dev libaio-dev libbsd-dev libgnutls28-dev
	       libnftables-dev uuid-dev iptables nftables iproute2 kmod libjson-c5 mount)

make_criu_tree()
{
	local from=$1 tree=$2 lines apt=$cache/apt/$1
	mapfile -t lines < <(sources "$from")
	mmdebstrap --mode=root --variant=apt --include="$(IFS=,; echo "${criu_packages[*]}")" \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		"$from" "$tree" "${lines[@]}"
	mkdir -p "$tree"/{src,share,out,usr/src/criu} "$apt/etc/apt/sources.list.d"
	sources "$from" | sed 's/^deb /deb-src /' >"$apt/etc/apt/sources.list.d/source.list"
	update_private_apt "$from"
	(cd "$tree/usr/src" &&
		private_apt "$from" apt-get source --download-only --tar-only criu &&
		tar -xf criu_*.orig.tar.* -C criu --strip-components=1)
	# Debian's patches; a mirror may have lost them, and not all versions need any
	if (cd "$tree/usr/src" && private_apt "$from" apt-get source --download-only --diff-only criu); then
		tar -xf "$tree"/usr/src/criu_*.debian.tar.* -C "$tree/usr/src/criu"
	fi
}

setup_criu()
{
	local from=$1 tree=$cache/build/criu-$1 criu_from
	criu_from="$(recipe make_criu_tree make_disk) ${criu_packages[*]}"
	! made_from "$tree.done" "$criu_from" || return 0
	step "$from with CRIU" replace "$tree" make_criu_tree "$from" "$tree.new"
	root=$tree disk=$cache/criu-$from.img step "$from with CRIU: disk image" make_disk
	echo "$criu_from" >"$tree.done"
}
