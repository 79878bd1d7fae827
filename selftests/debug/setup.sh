# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Functions for qemu/setup: setup_debug and setup_kcsan. Of its own functions they call step, replace,
# sources and make_initramfs.
# The kernels that watch us, of sid's linux-source: "debug" and, from the same objects,
# "debug-sealed", which seals the mappings that it gives to processes; and, for the soak only,
# "debug-kcsan", which looks for data races.

debug_config=$here/../debug/config
kcsan_config=$here/../debug/config-kcsan
debug_packages=(gcc libc6-dev make kmod perl python3-minimal bc flex bison cpio xz-utils libelf-dev
		libssl-dev linux-source)

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

# check_config HAVE [WANTED]: Kconfig leaves out without a word what depends on something else.
check_config()
{
	local have=$1 wanted=${2:-$debug_config} line
	while read -r line; do
		case $line in
		CONFIG_*=n) ! grep -q "^${line%n}" "$have" || die "$wanted: $line did not hold" ;;
		CONFIG_*) grep -qxF "$line" "$have" || die "$wanted: $line did not hold" ;;
		esac
	done <"$wanted"
}

make_debug_tree()
{
	local tree=$1 lines
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
	cp "$1/src/arch/x86/boot/bzImage" "$to/vmlinuz"
	: >"$to/modules/order"
	make_initramfs "$to"
	cp "$1/src/include/config/kernel.release" "$to/release"
	# An interrupt while the boot processor's features are read again makes KASAN believe for a
	# moment that there are four levels of page tables: so there are four.
	echo no5lvl >"$to/parameters"
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
	in_tree "$tree" make syncconfig
	grep -qx CONFIG_MSEAL_SYSTEM_MAPPINGS=y "$tree/src/.config" ||
		die "the kernel can't seal its mappings"
	touch -d 2000-01-01 "$tree/src/include/config/MSEAL_SYSTEM_MAPPINGS"
	grep -rlw VM_SEALED_SYSMAP --include='*.c' "$tree"/src/{arch/x86,fs,kernel,lib,mm} |
		while read -r file; do
			rm -f "${file%.c}.o"
		done
	in_tree "$tree" make -j "$(nproc)" bzImage
}

# What is needed to build modules, where chroot-build's users look for it
keep_headers()
{
	local tree=$1 release
	release=$(cat "$tree/src/include/config/kernel.release")
	(cd "$tree/src" && find . \( -path ./scripts -o -path ./include -o -path ./arch/x86/include \
		-o -path ./tools/objtool/objtool \) -prune -o -type f ! -name Makefile \
		! -path './arch/x86/Makefile*' ! -name Kbuild ! -name Module.symvers ! -name .config \
		-print0 | xargs -0 rm
		find . -type d -empty -delete)
	mkdir -p "$tree/lib/modules/$release"
	mv "$tree/src" "$tree/lib/modules/$release/build"
	mkdir "$tree/src"
}

make_debug()
{
	local tree=$1 make=(make -j "$(nproc)")
	make_debug_tree "$tree"
	cp "$debug_config" "$tree/src/wanted"
	in_tree "$tree" make KCONFIG_ALLCONFIG=wanted allnoconfig
	check_config "$tree/src/.config"
	in_tree "$tree" "${make[@]}" bzImage modules
	keep_kernel "$tree" debug
	seal_debug_kernel "$tree"
	keep_kernel "$tree" debug-sealed
	keep_headers "$tree"
}

# The tree is found by chroot-build as that of a suite "debug"; modules fit both kernels.
setup_debug()
{
	local tree=$cache/build/debug from
	from="$(recipe make_debug make_debug_tree keep_kernel seal_debug_kernel \
		keep_headers make_initramfs) \
${debug_packages[*]} $(sha256sum <"$debug_config" | cut -c 1-16)"
	! made_from "$tree.done" "$from" || return 0
	rm -f "$tree.done"
	step "kernels debug and debug-sealed (10 minutes and more)" replace "$tree" make_debug "$tree.new"
	echo "$from" >"$tree.done"
}

# The options of "debug" that "config-kcsan" does not name, and those that it does
kcsan_options()
{
	grep -v -F -f <(sed -n 's/^\(CONFIG_[^=]*=\).*/\1/p' "$kcsan_config") "$debug_config"
	cat "$kcsan_config"
}

make_kcsan()
{
	local tree=$1
	make_debug_tree "$tree"
	kcsan_options >"$tree/src/wanted"
	in_tree "$tree" make KCONFIG_ALLCONFIG=wanted allnoconfig
	check_config "$tree/src/.config" "$tree/src/wanted"
	in_tree "$tree" make -j "$(nproc)" bzImage modules
	keep_kernel "$tree" debug-kcsan
	keep_headers "$tree"
}

setup_kcsan()
{
	local tree=$cache/build/debug-kcsan from
	from="$(recipe make_kcsan make_debug_tree keep_kernel keep_headers make_initramfs) \
${debug_packages[*]} $(kcsan_options | sha256sum | cut -c 1-16)"
	! made_from "$tree.done" "$from" || return 0
	rm -f "$tree.done"
	step "kernel debug-kcsan (10 minutes and more)" replace "$tree" make_kcsan "$tree.new"
	echo "$from" >"$tree.done"
}
