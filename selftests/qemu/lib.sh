# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # the scripts that read this use the variables
# Where the scripts of this directory keep what they made, how they know it again, and how they fail.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# The suite of the root and the VM's disk; its kernel is the one that is run where none is named.
suite=bookworm

die()
{
	echo "${0##*/}: $*" >&2
	exit "${die_status:-1}"
}

# read_names NAME: $arch and $debian_arch, of the row of arch/names that has this name
read_names()
{
	read -r arch debian_arch < <(awk -v name="$1" '
		!/^#/ { for (i = 1; i <= NF; i++) if ($i == name) { print $1, $3; exit } }' \
		"$here/../../arch/names") && [ -e "$here/../../arch/$arch/vm.conf" ]
}

# The VM's machine is $ARCH, or like this one.
this_arch=$(uname -m)
read_names "${ARCH:-$this_arch}" ||
	die "no VM for the architecture ${ARCH:-$this_arch}: no arch/*/vm.conf is for a machine of this name"
# what a machine's file sets
vm_qemu='' vm_qemu_package='' vm_machine='' vm_bus='' vm_threads=single vm_cpu='' vm_cpu_far_return=''
vm_console='' vm_flavour='' vm_kernel='' vm_kernels='' vm_quick_kernel='' vm_rt_kernels=''
vm_parameters='' vm_clock_khz_parameter='' vm_abis='' vm_criu_abis='' vm_criu_cpu='' vm_tools=''
vm_compiler32='' vm_package32='' vm_libc32=''
vm_other_group='' vm_other_cpu='' vm_other_abi='' vm_other_tests='' vm_debug_has=''
vm_debug_image='' vm_debug_parameters=''
# shellcheck source=/dev/null
. "$here/../../arch/$arch/vm.conf"
read -ra all_kernels <<<"$vm_kernels"
read -ra rt_kernels <<<"$vm_rt_kernels"

# What is made for another machine than this one is kept apart, but not what any machine uses. Programs for
# the VM are built in the tree that is its disk, or else in one of this machine that has a cross compiler.
any_cache=${VDSO_REMAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vdso-remap}
cache=$any_cache
this_debian_arch=$(dpkg --print-architecture)
foreign=
if [ "$debian_arch" != "$this_debian_arch" ]; then
	foreign=1
	cache=$any_cache/$arch
fi
root=$cache/root
disk=$cache/root.img
programs=$root
[ -z "$foreign" ] || programs=$cache/build/$suite

# made_from FILE TEXT: whether FILE, written when something was made, says that it was from TEXT
made_from()
{
	[ -e "$1" ] && [ "$(cat "$1")" = "$2" ]
}

# recipe FUNCTION...: their text is a part of what things are made from
recipe()
{
	declare -f "$@" | sha256sum | cut -c 1-16
}
