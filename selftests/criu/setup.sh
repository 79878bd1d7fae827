# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Functions for qemu/setup: setup_criu SUITE and setup_podman SUITE. Of its own functions they call step,
# replace, bootstrap, sources, update_private_apt, private_apt and make_disk; make_disk takes $root and
# $disk, which they set for it. Where the VM is another machine they call only_unpack, too.
# A tree of a suite with CRIU and what CRIU is built with, its sources, and the tree as the VM's disk. For
# another machine these are two: CRIU is cross-built in a tree of this one, with the other's libraries.

# what CRIU's restore, containers and vdsoctl want to run, mount for a root
criu_run_packages=(criu crun libcriu2 iptables nftables iproute2 kmod libjson-c5 libkmod2 mount python3)
podman_packages=(podman netavark default-jre-headless)
# and to build it
criu_libraries=(libprotobuf-dev libprotobuf-c-dev libcap-dev libnl-3-dev libnl-genl-3-dev libnet1-dev
		libaio-dev libbsd-dev libgnutls28-dev libnftables-dev uuid-dev)
criu_packages=(make patch pkgconf golang-go xz-utils protobuf-compiler protobuf-c-compiler)
if [ -n "$foreign" ]; then
	criu_packages+=(gcc libc6-dev python3 "gcc-${vm_tools%-}" "libc6-dev-$debian_arch-cross"
			"${criu_libraries[@]/%/:$debian_arch}")
else
	criu_packages+=(gcc gcc-multilib libc6-dev ${vm_package32:+"$vm_package32"} "${criu_libraries[@]}"
			"${criu_run_packages[@]}")
fi

make_criu_tree()
{
	# shellcheck disable=SC2034 # bootstrap reads options
	local from=$1 tree=$2 apt=$cache/apt/$1 options
	[ -z "$foreign" ] || options=(--variant=apt "--architectures=$this_debian_arch,$debian_arch")
	bootstrap "$from" "$tree" "${criu_packages[@]}"
	mkdir -p "$tree/usr/src/criu" "$apt/etc/apt/sources.list.d"
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

# make_run_disk SUITE NAME PACKAGE...: the VM's disk NAME.img with these packages
make_run_disk()
{
	# shellcheck disable=SC2034 # only_unpack sets options, bootstrap reads them
	local from=$1 name=$2 tree=$cache/build/$2-disk options
	shift 2
	[ -z "$foreign" ] || only_unpack
	step "$from with ${name%%-*} to run" replace "$tree" bootstrap "$from" "$tree.new" "$@"
	root=$tree disk=$cache/$name.img step "$from with ${name%%-*}: disk image" make_disk
	rm -r "$tree"
}

setup_criu()
{
	local from=$1 tree=$cache/build/criu-$1 criu_from
	criu_from="$(recipe bootstrap make_criu_tree make_disk) ${criu_packages[*]}"
	[ -z "$foreign" ] || criu_from+=" $(recipe only_unpack make_run_disk) ${criu_run_packages[*]}"
	! made_from "$tree.done" "$criu_from" || return 0
	step "$from with CRIU" replace "$tree" make_criu_tree "$from" "$tree.new"
	if [ -n "$foreign" ]; then
		make_run_disk "$from" "criu-$from" "${criu_run_packages[@]}"
	else
		root=$tree disk=$cache/criu-$from.img step "$from with CRIU: disk image" make_disk
	fi
	echo "$criu_from" >"$tree.done"
}

setup_podman()
{
	local from=$1 done=$cache/build/podman-$1.done podman_from
	local packages=("${criu_run_packages[@]}" "${podman_packages[@]}")
	podman_from="$(recipe bootstrap make_disk)${foreign:+ $(recipe only_unpack)} ${packages[*]}"
	! made_from "$done" "$podman_from" || return 0
	make_run_disk "$from" "podman-$from" "${packages[@]}"
	echo "$podman_from" >"$done"
}
