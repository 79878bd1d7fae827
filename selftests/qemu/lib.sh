# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # the scripts that read this use the variables
# Where the scripts of this directory keep what they made, how they know it again, and how they fail.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${VDSO_REMAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vdso-remap}
# The suite of the root and the VM's disk; its kernel is the one that is run where none is named.
suite=bookworm
root=$cache/root
disk=$cache/root.img

die()
{
	echo "${0##*/}: $*" >&2
	exit "${die_status:-1}"
}

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
