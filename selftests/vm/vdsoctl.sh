# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # much is for who sources this
# What the tests of vdsoctl share; sourced with the directory that holds vdsoctl as $1.
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(cd "${1:?which directory holds vdsoctl?}" && pwd)
ctl=$dir/vdsoctl
tmp=$(mktemp -d)
pids=()
clean_up()
{
	kill -9 "${pids[@]}"
	wait
	chmod 600 /dev/vdso_remap
	rm -rf "$tmp"
}
trap 'clean_up 2>/dev/null' EXIT

# exits STATUS COMMAND...
exits()
{
	local want=$1 got
	shift
	"$@"
	got=$?
	[ "$got" -eq "$want" ] || echo "exit status $got, not $want, of: $*"
	[ "$got" -eq "$want" ]
}

# complains STATUS WORDS COMMAND...: fails with these words on stderr
complains()
{
	local want=$1 words=$2 right=0
	shift 2
	exits "$want" "$@" 2>"$tmp/stderr" || right=1
	cat "$tmp/stderr"
	grep -q -- "$words" "$tmp/stderr" || right=1
	return "$right"
}

state_of()
{
	awk '/^State:/ { print $2 }' "/proc/$1/status"
}

# waits_for STATE PID
waits_for()
{
	local _
	for _ in $(seq 100); do
		[ -e "/proc/$2" ] || break
		[ "$(state_of "$2")" = "$1" ] && return
		sleep 0.05
	done
	echo "process $2 is not in state $1:"
	grep State "/proc/$2/status"
	return 1
}

# $sleeper: a process that has got to its clock_nanosleep()
start_sleeper()
{
	local _
	sleep 1000 &
	sleeper=$!
	pids+=("$sleeper")
	for _ in $(seq 100); do
		grep -q '^230 ' "/proc/$sleeper/syscall" && return
		sleep 0.05
	done
	echo "sleep does not sleep"
	return 1
}

vdso_of()
{
	awk -F- '/\[vdso\]/ { print $1 }' "/proc/$1/maps"
}

# start_busy COMMAND...: $busy, when all threads of "target busy" run
start_busy()
{
	local _
	"$@" busy &
	busy=$!
	pids+=("$busy")
	for _ in $(seq 200); do
		grep -q '^Threads:.4$' "/proc/$busy/status" && return
		sleep 0.05
	done
	echo "the program does not get going"
	return 1
}

# those of $busy
all_threads_are_outside()
{
	local text task ip
	text=$(vdso_of "$busy")
	for task in "/proc/$busy/task/"*; do
		# the last word is the instruction pointer
		ip=$(awk '{ print $NF }' "$task/syscall")
		((ip < 0x$text || ip >= 0x$text + 0x2000)) || { echo "$task at $ip"; return 1; }
	done
	grep '^TracerPid:.0$' "/proc/$busy/status"
}

# load [PARAM=VALUE]
load()
{
	if [ -e "$dir/vdso_remap.ko" ]; then
		"$ctl" load "$dir/vdso_remap.ko" "$@"
	else
		"$ctl" load "$@"
	fi
}

compile_targets()
{
	cc -O2 -pthread -o "$tmp/target-dynamic" "$here/target.c" &&
		cc -O2 -pthread -static -o "$tmp/target-static" "$here/target.c" &&
		cc -m32 -D_FILE_OFFSET_BITS=64 -O2 -pthread -o "$tmp/target32-dynamic" "$here/target.c" &&
		cc -m32 -D_FILE_OFFSET_BITS=64 -O2 -pthread -static -o "$tmp/target32-static" \
			"$here/target.c"
}

# of what steps threads through functions that start again if the clock ticks meanwhile
claim_steps()
{
	if [ -n "${STEPS_ARE_SLOW:-}" ]; then
		skip "$1" "so many steps take longer on this kernel than from tick to tick of its clock"
	else
		claim "$@"
	fi
}
