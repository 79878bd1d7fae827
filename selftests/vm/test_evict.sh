#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vdsoctl evict, on processes, trees and control groups; TAP. Needs root, a kernel that has
# both versions of control groups, and the module only as far as it is there.
#
# test_evict.sh DIR: DIR holds vdsoctl.
# shellcheck disable=SC2317 # claim() calls the functions
# shellcheck disable=SC2016 # other shells expand what is in single quotes
set -u
. "$(dirname "$0")/vdsoctl.sh"

target=$tmp/target-dynamic

# thread_is_inside: one of $busy stands in the vDSO, as far as /proc can say now
thread_is_inside()
{
	! all_threads_are_outside >/dev/null
}

# runs_untraced PID...: none of them is traced, stopped or frozen
runs_untraced()
{
	local pid
	for pid; do
		if ! grep -q '^TracerPid:.0$' "/proc/$pid/status" || [ "$(state_of "$pid")" = T ] ||
			{ [ -e "$group/cgroup.events" ] && grep 'frozen 1' "$group/cgroup.events"; }; then
			cat "/proc/$pid/status"
			return 1
		fi
	done
}

# finishes PID: of a "target busy", whose clocks were all right
finishes()
{
	kill -USR1 "$1"
	wait "$1"
}

# make_group NAME: $group, empty
make_group()
{
	group=$root_group/$1
	mkdir -p "$group"
}

remove_group()
{
	local _
	for _ in $(seq 100); do
		find "$group" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
		rmdir "$group" 2>/dev/null && return
		sleep 0.05
	done
	echo "$group has processes:" "$(cat "$group/cgroup.procs")"
	return 1
}

# enter GROUP PID
enter()
{
	mkdir -p "$1" && echo "$2" >"$1/cgroup.procs"
}

freeze()
{
	if [ -e "$1/cgroup.freeze" ]; then
		echo 1 >"$1/cgroup.freeze"
	else
		echo FROZEN >"$1/freezer.state"
	fi
}

thaw()
{
	if [ -e "$1/cgroup.freeze" ]; then
		echo 0 >"$1/cgroup.freeze"
	else
		echo THAWED >"$1/freezer.state"
	fi
}

is_frozen()
{
	grep -qx -e 'frozen 1' "$1/cgroup.events" 2>/dev/null || grep -qx FROZEN "$1/freezer.state" 2>/dev/null
}

# waits_until COMMAND...
waits_until()
{
	local _
	for _ in $(seq 200); do
		"$@" >"$tmp/waiting" 2>&1 && return
		sleep 0.05
	done
	cat "$tmp/waiting"
	echo "never: $*"
	return 1
}

evict_leaves_all_threads_stopped_outside()
{
	local _ task
	start_busy "$tmp/target-dynamic" || return 1
	for _ in 1 2 3 4 5; do
		"$ctl" evict -p "$busy" || return 1
		for task in "/proc/$busy/task/"*; do
			[ "$(state_of "$busy/task/${task##*/}")" = T ] || return 1
		done
		all_threads_are_outside || return 1
		kill -CONT "$busy"
		sleep 0.1
	done
	kill -USR1 "$busy"
	wait "$busy"
}

# The process that is named has to be in it.
evict_freezes_a_control_group()
{
	local _
	make_group one && start_busy "$target" || return 1
	complains 1 "is not in the control group" "$ctl" evict -p "$busy" --cgroup "$group" &&
		enter "$group" "$busy" || return 1
	for _ in 1 2 3 4 5; do
		"$ctl" evict -p "$busy" --cgroup "$group" && is_frozen "$group" &&
			all_threads_are_outside || return 1
		[ "$(state_of "$busy")" != T ] && thaw "$group" || return 1
		sleep 0.1
	done
	finishes "$busy" && remove_group
}

# busy_group: three busy processes $busy, $second and $third, in $group and below it
busy_group()
{
	start_busy "$target" && third=$busy && enter "$group/below/lowest" "$third" &&
		start_busy "$target" && second=$busy && enter "$group/below" "$second" &&
		start_busy "$target" && enter "$group" "$busy"
}

all_of_the_group_are_outside()
{
	local busy=$busy
	all_threads_are_outside || return 1
	for busy in "$second" "$third"; do
		all_threads_are_outside || return 1
	done
}

evict_takes_the_whole_group()
{
	local _
	make_group whole && busy_group || return 1
	for _ in 1 2 3; do
		"$ctl" evict --cgroup "$group" | tee "$tmp/said" &&
			grep -q ' 3 processes: .* of 12 threads ' "$tmp/said" && is_frozen "$group" &&
			all_of_the_group_are_outside || return 1
		thaw "$group"
		sleep 0.1
	done
	finishes "$busy" && finishes "$second" && finishes "$third" && remove_group
}

# of the v1 interface, too
evict_takes_the_whole_v1_group()
{
	local root_group=$tmp/freezer
	evict_takes_the_whole_group
}

evict_finds_children_that_are_made_meanwhile()
{
	local _ forker
	make_group forks
	bash -c 'echo $$ >"$1/cgroup.procs"; while :; do (exit); done' bash "$group" &
	forker=$!
	pids+=("$forker")
	waits_until grep -qx "$forker" "$group/cgroup.procs" || return 1
	for _ in 1 2 3 4 5 6; do
		"$ctl" evict --cgroup "$group" | tee "$tmp/said" && is_frozen "$group" &&
			grep -q " $(wc -l <"$group/cgroup.procs") process" "$tmp/said" || return 1
		thaw "$group"
		sleep 0.05
	done
	kill -9 "$forker"
	remove_group
}

evict_does_not_freeze_itself()
{
	make_group self && start_sleeper && enter "$group" "$sleeper" || return 1
	complains 1 "vdsoctl itself is in the control group" \
		bash -c 'echo $$ >"$1/cgroup.procs"; exec "$2" evict --cgroup "$1"' bash "$group" "$ctl" &&
		complains 1 "vdsoctl itself" "$ctl" evict --tree $$ && runs_untraced "$sleeper" &&
		kill "$sleeper" && remove_group
}

frozen_group_is_not_taken()
{
	make_group frozen && start_busy "$target" && enter "$group/below" "$busy" || return 1
	freeze "$group/below"
	waits_until is_frozen "$group/below" || return 1
	complains 1 "below is frozen already" "$ctl" evict --cgroup "$group" &&
		complains 1 "Thaw it" "$ctl" evict --cgroup "$group/below" && is_frozen "$group/below" &&
		thaw "$group/below" && finishes "$busy" && remove_group
}

threads_of_a_threaded_group_are_taken()
{
	make_group threaded && start_busy "$target" && enter "$group" "$busy" && mkdir "$group/below" &&
		echo threaded >"$group/below/cgroup.type" &&
		echo "$busy" >"$group/below/cgroup.threads" || return 1
	complains 1 "is threaded" "$ctl" evict --cgroup "$group/below" &&
		"$ctl" evict --cgroup "$group" && is_frozen "$group" && all_threads_are_outside &&
		thaw "$group" && finishes "$busy" && remove_group
}

group_is_needed()
{
	make_group empty
	complains 1 "is no control group" "$ctl" evict --cgroup "$tmp" &&
		complains 1 "no process in the control group" "$ctl" evict --cgroup "$group" &&
		remove_group
}

evict_takes_a_tree()
{
	local root pid children
	# the shell in the middle, a zombie and the busy one are all below it
	bash -c '"$1" wait & bash -c "\"\$1\" busy & wait" bash "$1" & python3 -c "
import os, time
os.fork() or os._exit(0)
time.sleep(1000)" & wait' bash "$target" &
	root=$!
	pids+=("$root")
	waits_until eval '[ "$(pgrep -P "$root" | wc -l)" -eq 3 ]' || return 1
	waits_until pgrep -f "^$target busy" || return 1
	busy=$(pgrep -f "^$target busy")
	mapfile -t children < <(pgrep -P "$root")
	pids+=("$busy" "${children[@]}")
	waits_until grep -q '^Threads:.4$' "/proc/$busy/status" || return 1
	"$ctl" evict --tree "$root" | tee "$tmp/said" && grep -q 'descendants, 4: ' "$tmp/said" &&
		all_threads_are_outside || return 1
	for pid in "$root" "${children[@]}" "$busy"; do
		[ "$(state_of "$pid")" = T ] || { echo "$pid: $(state_of "$pid")"; return 1; }
		kill -CONT "$pid"
	done
	kill -USR1 "$busy"
	waits_until eval '! [ -e "/proc/$busy" ]' && kill "${children[@]}" "$root"
}

# $stuck: in $group, can't be stopped; $busy was there before, and is held first
start_stuck()
{
	make_group stuck && start_busy "$target" && enter "$group" "$busy" || return 1
	"$target" vfork &
	stuck=$!
	pids+=("$stuck")
	waits_for D "$stuck" || return 1
	stuck_child=$(pgrep -P "$stuck")
	pids+=("$stuck_child")
	enter "$group" "$stuck"
}

end_stuck()
{
	kill -9 "$stuck" "$stuck_child"
	remove_group
}

timeout_puts_everything_back()
{
	start_stuck || return 1
	complains 1 "thread $stuck .* does not stop within 1 s" "$ctl" evict --cgroup "$group" --timeout 1 &&
		runs_untraced "$busy" "$stuck" && complains 1 "does not stop within 1 s" \
		"$ctl" evict --tree "$stuck" --timeout 1 && runs_untraced "$stuck" &&
		finishes "$busy" && end_stuck
}

# interrupted_by SIGNAL STATUS: what came for the process meanwhile is not lost
interrupted_by()
{
	local evictor
	start_stuck || return 1
	env --default-signal="$1" "$ctl" evict --cgroup "$group" 2>"$tmp/stderr" &
	evictor=$!
	waits_until grep -q "^TracerPid:.$evictor\$" "/proc/$busy/status" && waits_for t "$busy" ||
		return 1
	kill -USR1 "$busy"
	kill "-$1" "$evictor"
	wait "$evictor"
	exits "$2" sh -c "exit $?" && cat "$tmp/stderr" && grep -q interrupted "$tmp/stderr" &&
		wait "$busy" && runs_untraced "$stuck" && end_stuck
}

end_signals_put_everything_back()
{
	interrupted_by INT 130 && interrupted_by TERM 143 && interrupted_by HUP 129
}

# As in the background of a script.
ignored_signal_does_not_interrupt()
{
	local evictor
	start_stuck || return 1
	(trap '' INT; exec "$ctl" evict --cgroup "$group" --timeout 5 2>"$tmp/stderr") &
	evictor=$!
	waits_until grep -q "^TracerPid:.$evictor\$" "/proc/$busy/status" || return 1
	kill -INT "$evictor"
	wait "$evictor"
	exits 1 sh -c "exit $?" && cat "$tmp/stderr" && grep -q 'within 5 s' "$tmp/stderr" &&
		finishes "$busy" && end_stuck
}

progress_is_reported()
{
	local waiting='vdsoctl: waiting for thread'
	start_stuck || return 1
	complains 1 "$waiting" "$ctl" evict --cgroup "$group" --timeout 5 --verbose &&
		complains 1 "does not stop" "$ctl" evict --cgroup "$group" --timeout 5 &&
		! grep "$waiting" "$tmp/stderr" || return 1
	python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' \
		"$ctl" evict --cgroup "$group" --timeout 5 </dev/null >"$tmp/stderr"
	cat "$tmp/stderr"
	grep -q "$waiting" "$tmp/stderr" && finishes "$busy" && end_stuck
}

# freeze_inside: $busy in $group, one of its threads inside the vDSO
freeze_inside()
{
	local _
	make_group inside && start_busy "$target" && enter "$group" "$busy" || return 1
	for _ in $(seq 100); do
		freeze "$group"
		waits_until is_frozen "$group" || return 1
		thread_is_inside && return
		thaw "$group"
		sleep 0.01
	done
	echo "no thread was ever inside"
	return 1
}

frozen_threads_are_given_up()
{
	local evictor
	freeze_inside || return 1
	complains 1 "frozen" "$ctl" evict -p "$busy" --timeout 1 &&
		grep '^TracerPid:.0$' "/proc/$busy/status" || return 1
	env --default-signal=INT "$ctl" evict -p "$busy" 2>"$tmp/stderr" &
	evictor=$!
	waits_until grep -q "^TracerPid:.$evictor\$" "/proc/$busy/status" || return 1
	sleep 0.2	# so that it gets as far as waiting for a step, most often
	kill -INT "$evictor"
	wait "$evictor"
	exits 130 sh -c "exit $?" && grep interrupted "$tmp/stderr" &&
		grep '^TracerPid:.0$' "/proc/$busy/status" && thaw "$group" &&
		waits_until runs_untraced "$busy" && finishes "$busy" && remove_group
}

frozen_v1_threads_are_given_up()
{
	local root_group=$tmp/freezer
	frozen_threads_are_given_up
}

wrong_usage_is_2()
{
	exits 2 "$ctl" evict && exits 2 "$ctl" evict --tree 1 --cgroup / &&
		exits 2 "$ctl" evict -p 1 --tree 1 && exits 2 "$ctl" evict -p 1 extra &&
		exits 2 "$ctl" evict -p 1 --timeout 0 && exits 2 "$ctl" evict -p 1 --timeout 1s &&
		exits 2 "$ctl" evict --tree x
}

has_v1()
{
	mkdir "$tmp/freezer" && mount -t cgroup -o freezer freezer "$tmp/freezer" 2>"$tmp/stderr"
}

# claim_v1 CLAIM...: where control groups of version 1 can be mounted
claim_v1()
{
	if [ -n "$v1" ]; then
		claim_steps "$@"
	else
		skip "$1" "this kernel has no freezer of version 1" cgroup-v1
	fi
}

if ! compile_targets; then
	echo "Bail out! can't compile the test programs"
	exit 1
fi
root_group=/sys/fs/cgroup
v1=
! has_v1 || v1=1

echo "TAP version 13"
echo "1..17"
claim "wrong usage exits with 2" wrong_usage_is_2
claim_steps "all threads are left stopped outside" evict_leaves_all_threads_stopped_outside
claim_steps "a control group is frozen instead" evict_freezes_a_control_group
claim_steps "--cgroup takes every process of the group and below it" evict_takes_the_whole_group
claim_v1 "the same with version 1" evict_takes_the_whole_v1_group
claim "children that are made meanwhile are found" evict_finds_children_that_are_made_meanwhile
claim "vdsoctl does not freeze itself" evict_does_not_freeze_itself
claim "a frozen group is not taken" frozen_group_is_not_taken
claim_steps "threads of a threaded group are taken" threads_of_a_threaded_group_are_taken
claim "what is no control group, or empty, is refused" group_is_needed
claim_steps "--tree takes all descendants" evict_takes_a_tree
claim "a timeout puts everything back" timeout_puts_everything_back
claim "Ctrl-C and its like put everything back" end_signals_put_everything_back
claim "an ignored signal does not interrupt" ignored_signal_does_not_interrupt
claim "progress is reported" progress_is_reported
claim "threads of a frozen group are given up" frozen_threads_are_given_up
claim_v1 "the same with version 1" frozen_v1_threads_are_given_up
[ -z "$v1" ] || umount "$tmp/freezer"
exit "$failed"
