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

# The VM's machine is $ARCH, or like this one; what is made for another is kept apart.
cache=${VDSO_REMAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vdso-remap}
this_arch=$(uname -m)
read_names "${ARCH:-$this_arch}" ||
	die "no VM for the architecture ${ARCH:-$this_arch}: no arch/*/vm.conf is for a machine of this name"
# what a machine's file sets
vm_qemu='' vm_qemu_package='' vm_machine='' vm_bus='' vm_cpu='' vm_cpu_far_return=''
vm_console='' vm_flavour='' vm_kernel='' vm_parameters='' vm_clock_khz_parameter='' vm_abis=''
vm_package32='' vm_other_group='' vm_other_cpu='' vm_other_abi='' vm_other_tests='' vm_debug_has=''
# shellcheck source=/dev/null
. "$here/../../arch/$arch/vm.conf"
grep -q "^$arch *$this_arch " "$here/../../arch/names" || cache=$cache/$arch
root=$cache/root
disk=$cache/root.img

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
