# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Functions for qemu/setup: setup_debug and setup_kcsan. Of its own functions they call step, replace,
# sources and make_initramfs.
# The kernels that watch us, of sid's linux-source: "debug" and, from the same objects,
# "debug-sealed", which seals the mappings that it gives to processes; and, for the soak only,
# "debug-kcsan", which looks for data races.

debug_configs=("$here/../debug/config" "$here/../../arch/$arch/debug.config")
kcsan_config=$here/../debug/config-kcsan
debug_packages=(gcc libc6-dev make kmod perl python3-minimal bc flex bison cpio xz-utils libelf-dev
		libssl-dev linux-source)
debug_make=(make -j "$(nproc)")
if [ -n "$foreign" ]; then
	debug_packages+=("gcc-${vm_tools%-}" ${vm_compiler32:+"$vm_compiler32"})
	debug_make+=("ARCH=$arch" "CROSS_COMPILE=$vm_tools"
		     ${vm_compiler32:+"CROSS_COMPILE_COMPAT=${vm_compiler32#gcc-}-"})
fi

# in_tree DIR COMMAND...: in a Debian tree, at its /src, with its compiler
in_tree()
{
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m bash -ec '
		tree=$1
		shift
		mount --bind /proc "$tree/proc"
		mount --rbind /dev "$tree/dev"
		mount -t tmpfs tmp "$tree/tmp"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C \
			chroot "$tree" sh -c "cd /src && exec \"\$@\"" - "$@"' - "$@"
}

# configure DIR: as /src/wanted says. Kconfig leaves out without a word what depends on something else.
configure()
{
	local have=$1/src/.config line
	in_tree "$1" "${debug_make[@]}" KCONFIG_ALLCONFIG=wanted allnoconfig
	while read -r line; do
		case $line in
		CONFIG_*=n) ! grep -q "^${line%n}" "$have" || die "wanted: $line did not hold" ;;
		CONFIG_*) grep -qxF "$line" "$have" || die "wanted: $line did not hold" ;;
		esac
	done <"$1/src/wanted"
}

make_debug_tree()
{
	local tree=$1 lines
	[ -n "$vm_debug_image" ] || die "there is no configuration for debug kernels of $arch"
	mapfile -t lines < <(sources sid)
	mmdebstrap --mode=root --variant=apt --include="$(IFS=,; echo "${debug_packages[*]}")" \
		--dpkgopt=force-unsafe-io --aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' sid "$tree" "${lines[@]}"
	mkdir "$tree"/{src,out}
	xz -dc -T0 "$tree"/usr/src/linux-source-*.tar.xz | tar -x -C "$tree/src" --strip-components=1
	rm "$tree"/usr/src/linux-source-*.tar.xz
}

# keep_kernel TREE NAME: what vm boots; there are no modules to load
keep_kernel()
{
	local to=$cache/kernel/$2.new
	rm -rf "$to"
	mkdir -p "$to/modules"
	cp "$1/src/$vm_debug_image" "$to/vmlinuz"
	: >"$to/modules/order"
	make_initramfs "$to"
	cp "$1/src/include/config/kernel.release" "$to/release"
	echo "$vm_debug_parameters" >"$to/parameters"
	rm -rf "$cache/kernel/$2"
	mv "$to" "$cache/kernel/$2"
}

# Nothing of what a module sees depends on the option, but its name stands in mm.h: for make that is
# everything. Only the few sources that use what mm.h makes of it are compiled again.
seal_debug_kernel()
{
	local tree=$1 file
	sed -i 's/^# CONFIG_MSEAL_SYSTEM_MAPPINGS is not set/CONFIG_MSEAL_SYSTEM_MAPPINGS=y/' \
		"$tree/src/.config"
	in_tree "$tree" "${debug_make[@]}" syncconfig
	grep -qx CONFIG_MSEAL_SYSTEM_MAPPINGS=y "$tree/src/.config" ||
		die "the kernel can't seal its mappings"
	touch -d 2000-01-01 "$tree/src/include/config/MSEAL_SYSTEM_MAPPINGS"
	grep -rlw VM_SEALED_SYSMAP --include='*.c' "$tree"/src/{"arch/$arch",fs,kernel,lib,mm} |
		while read -r file; do
			rm -f "${file%.c}.o"
		done
	in_tree "$tree" "${debug_make[@]}" "$(basename "$vm_debug_image")"
}

# What is needed to build modules, where chroot-build's users look for it
keep_headers()
{
	local tree=$1 release
	release=$(cat "$tree/src/include/config/kernel.release")
	(cd "$tree/src" && find . \( -path ./scripts -o -path ./include -o -path "./arch/$arch/include" \
		-o -path ./tools/objtool/objtool \) -prune -o -type f ! -name Makefile \
		! -path "./arch/$arch/Makefile*" ! -name Kbuild ! -name Module.symvers ! -name .config \
		-print0 | xargs -0 rm
		find . -type d -empty -delete)
	mkdir -p "$tree/lib/modules/$release"
	mv "$tree/src" "$tree/lib/modules/$release/build"
	mkdir "$tree/src"
}

make_debug()
{
	local tree=$1
	make_debug_tree "$tree"
	cat "${debug_configs[@]}" >"$tree/src/wanted"
	configure "$tree"
	in_tree "$tree" "${debug_make[@]}" "$(basename "$vm_debug_image")" modules
	keep_kernel "$tree" debug
	seal_debug_kernel "$tree"
	keep_kernel "$tree" debug-sealed
	keep_headers "$tree"
}

# The tree is found by chroot-build as that of a suite "debug"; modules fit both kernels.
setup_debug()
{
	local tree=$cache/build/debug from
	from="$(recipe make_debug make_debug_tree configure keep_kernel seal_debug_kernel \
		keep_headers make_initramfs) \
${debug_packages[*]} $vm_debug_parameters $(cat "${debug_configs[@]}" | sha256sum | cut -c 1-16)"
	! made_from "$tree.done" "$from" || return 0
	rm -f "$tree.done"
	step "kernels debug and debug-sealed (10 minutes and more)" replace "$tree" make_debug "$tree.new"
	echo "$from" >"$tree.done"
}

# The options of "debug" that "config-kcsan" does not name, and those that it does
kcsan_options()
{
	grep -h -v -F -f <(sed -n 's/^\(CONFIG_[^=]*=\).*/\1/p' "$kcsan_config") "${debug_configs[@]}"
	cat "$kcsan_config"
}

make_kcsan()
{
	local tree=$1
	make_debug_tree "$tree"
	kcsan_options >"$tree/src/wanted"
	configure "$tree"
	in_tree "$tree" "${debug_make[@]}" "$(basename "$vm_debug_image")" modules
	keep_kernel "$tree" debug-kcsan
	keep_headers "$tree"
}

setup_kcsan()
{
	local tree=$cache/build/debug-kcsan from
	from="$(recipe make_kcsan make_debug_tree configure keep_kernel keep_headers make_initramfs) \
${debug_packages[*]} $vm_debug_parameters $(kcsan_options | sha256sum | cut -c 1-16)"
	! made_from "$tree.done" "$from" || return 0
	rm -f "$tree.done"
	step "kernel debug-kcsan (10 minutes and more)" replace "$tree" make_kcsan "$tree.new"
	echo "$from" >"$tree.done"
}
