#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What vdsoctl does, seen from the shell; TAP. Needs root, the module and a kernel.
#
# test_vdsoctl.sh DIR: DIR holds vdsoctl, vdso_remap.ko (else it must be
# installed) and image vDSOs of other kernels, *.vdso and i386/*.vdso.
# shellcheck disable=SC2317 # claim() calls the functions
set -u
. "$(dirname "$0")/vdsoctl.sh"

run()
{
	"$ctl" exec --image "$image" -- "$@"
}

# Usage

options_of_every_command()
{
	local cmd
	for cmd in info dump-image compare exec evict move proxy load unload; do
		"$ctl" "$cmd" --help | grep -q "^Usage: vdsoctl $cmd" || { echo "$cmd --help"; return 1; }
		"$ctl" "$cmd" --version | grep -Eq '^vdsoctl [0-9]+\.[0-9]+' ||
			{ echo "$cmd --version"; return 1; }
	done
	"$ctl" --help | grep -q dump-image && "$ctl" --version | grep -q '^vdsoctl [0-9]'
}

wrong_usage_is_2()
{
	exits 2 "$ctl" && exits 2 "$ctl" nonsense && exits 2 "$ctl" info extra &&
		exits 2 "$ctl" info --nonsense && exits 2 "$ctl" info -p 0 &&
		exits 2 "$ctl" info -p 12x && exits 2 "$ctl" move -p 1 &&
		exits 2 "$ctl" move -p 1 --to zz && exits 2 "$ctl" proxy &&
		exits 2 "$ctl" proxy -p 1 --park far && exits 2 "$ctl" evict &&
		exits 2 "$ctl" compare && exits 2 "$ctl" dump-image extra &&
		exits 2 "$ctl" dump-image --machine arm && exits 2 "$ctl" dump-image -p 1 --machine i386 &&
		exits 2 "$ctl" unload extra && exits 2 "$ctl" load ./x.ko extra
}

wrong_usage_of_exec_is_125()
{
	exits 125 "$ctl" exec true && exits 125 "$ctl" exec --image "$image" &&
		exits 125 "$ctl" exec --nonsense
}

full_output_is_noticed()
{
	complains 1 "can't write" "$ctl" info >/dev/full &&
		complains 1 "can't write" "$ctl" dump-image >/dev/full
}

# info, dump-image, compare

info_names_the_entry_points()
{
	"$ctl" info >"$tmp/info" || return 1
	cat "$tmp/info"
	grep -q 'from the module' "$tmp/info" && grep -q ' text' "$tmp/info" &&
		grep -q ' __vdso_clock_gettime' "$tmp/info" && ! grep -q 'image vDSO' "$tmp/info"
}

info_json_agrees_with_maps()
{
	start_sleeper || return 1
	"$ctl" info -p "$sleeper" --json | python3 -c '
import json, sys
i = json.load(sys.stdin)
text = int(sys.argv[1], 16)
assert i["source"] == "module" and i["present"] and i["pid"] == int(sys.argv[2])
assert i["kernel_pointer"] == text
assert [a["start"] for a in i["areas"] if a["kind"] == "text"] == [text]
assert "__vdso_clock_gettime" in [s["symbol"] for s in i["runtime"]["symbols"]]
' "$(vdso_of "$sleeper")" "$sleeper" && waits_for S "$sleeper" && grep '^TracerPid:.0$' "/proc/$sleeper/status"
}

info_says_who_is_missing()
{
	complains 1 "no process 4000000" "$ctl" info -p 4000000
}

dumps_are_identical()
{
	start_sleeper || return 1
	"$ctl" dump-image -o "$tmp/own" && "$ctl" dump-image | cmp - "$tmp/own" &&
		"$ctl" dump-image -p "$sleeper" -o - | cmp - "$tmp/own" && [ -s "$tmp/own" ] &&
		[ -z "$(find "$tmp" -name 'own.*')" ]
}

failed_dump_leaves_the_file()
{
	echo old >"$tmp/dump"
	exits 1 "$ctl" dump-image -p 4000000 -o "$tmp/dump" && [ "$(cat "$tmp/dump")" = old ] &&
		complains 1 "can't create" "$ctl" dump-image -o "$tmp/none/file"
}

# A device stays a device, a pipe is written, a symbolic link stays and its end is replaced.
dump_replaces_regular_files_only()
{
	local ino
	"$ctl" dump-image -o "$tmp/own" && mknod "$tmp/null" c 1 3 && mkfifo "$tmp/fifo" &&
		"$ctl" dump-image -o "$tmp/null" && [ -c "$tmp/null" ] || return 1
	"$ctl" dump-image -o "$tmp/fifo" &
	timeout 20 cmp "$tmp/own" "$tmp/fifo" && wait $! && [ -p "$tmp/fifo" ] || return 1
	"$ctl" dump-image -o /dev/stdout | cmp - "$tmp/own" &&
		"$ctl" dump-image -o /dev/stdout >"$tmp/redirected" && cmp "$tmp/redirected" "$tmp/own" ||
		return 1
	ln -s loop "$tmp/loop" && mkdir -p "$tmp/below" && ln -s ../end "$tmp/below/link" && ln -s below/link "$tmp/link" &&
		"$ctl" dump-image -o "$tmp/link" && [ -L "$tmp/link" ] && [ -L "$tmp/below/link" ] &&
		cmp "$tmp/end" "$tmp/own" || return 1
	ino=$(stat -c %i "$tmp/end")
	"$ctl" dump-image -o "$tmp/link" && [ "$(stat -c %i "$tmp/end")" != "$ino" ] &&
		[ -L "$tmp/link" ] && cmp "$tmp/end" "$tmp/own" &&
		complains 1 "loop" "$ctl" dump-image -o "$tmp/loop" ||
		return 1
	complains 1 "Is a directory" "$ctl" dump-image -o "$tmp/below"
}

# start_waiter COMMAND...: $waiter, when it has got to its pause()
start_waiter()
{
	local _
	"$@" &
	waiter=$!
	pids+=("$waiter")
	for _ in $(seq 100); do
		grep -q '^34 ' "/proc/$waiter/syscall" && return
		sleep 0.05
	done
	echo "it does not wait: $*"
	return 1
}

# What stands where the auxiliary vector says is no vDSO.
info_survives_other_memory()
{
	start_waiter "$tmp/target-static" displaced || return 1
	"$ctl" info -p "$waiter" | tee "$tmp/info"
	grep -q '^runtime vDSO [0-9a-f]' "$tmp/info" && grep -q ' __vdso_clock_gettime' "$tmp/info" &&
		grep -q 'no vDSO, but other memory' "$tmp/info" &&
		"$ctl" info -p "$waiter" --json | python3 -c '
import json, sys
i = json.load(sys.stdin)
assert "image" not in i and i["runtime"]["symbols"], i'
}

info_tells_no_permission_from_not_loaded()
{
	local as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${as_nobody[@]}" "$ctl" info | tee "$tmp/info"
	grep -q 'from /proc only (no permission for /dev/vdso_remap' "$tmp/info" &&
		"${as_nobody[@]}" "$ctl" info --json | grep '"without_module": *"no permission' &&
		complains 1 "no permission" "${as_nobody[@]}" "$ctl" move -p 1 --to 1000
}

info_falls_back_to_proc_for_a_traced_process()
{
	local tracer
	start_waiter "$tmp/target-static" wait || return 1
	strace -o "$tmp/trace" -p "$waiter" &
	tracer=$!
	pids+=("$tracer")
	for _ in $(seq 100); do
		grep -q "^TracerPid:.$tracer\$" "/proc/$waiter/status" && break
		sleep 0.05
	done
	"$ctl" info -p "$waiter" | tee "$tmp/info"
	grep -q "from /proc only (process $tracer traces it" "$tmp/info" &&
		grep -q ' __vdso_clock_gettime' "$tmp/info" || return 1
	kill "$tracer"
	wait "$tracer"
	"$ctl" info -p "$waiter" | grep 'from the module'
}

# Kernels before 5.11 let a process split its vDSO.
split_vdso_is_dumped_and_shown()
{
	"$ctl" dump-image -o "$tmp/own" && "$ctl" dump-image -p "$waiter" | cmp - "$tmp/own" &&
		"$ctl" info -p "$waiter" | tee "$tmp/info" &&
		grep -q '^runtime vDSO [0-9a-f]*, x86_64, split' "$tmp/info" &&
		grep -q ' __vdso_clock_gettime' "$tmp/info" &&
		complains 1 "split into pieces" "$ctl" move -p "$waiter" --to 10000000 &&
		"$ctl" evict -p "$waiter" && waits_for T "$waiter"
}

compares_own_image()
{
	"$ctl" dump-image -o "$tmp/own" && "$ctl" compare "$tmp/own" | tee "$tmp/plan" &&
		grep -q '^in place: image' "$tmp/plan"
}

compares_foreign_image()
{
	"$ctl" compare "$image" | tee "$tmp/plan"
	head -n 1 "$tmp/plan" | grep -Eq '^proxied: image [0-9a-f]{40}, runtime [0-9a-f]{40}$' &&
		grep -q '^SYMBOL' "$tmp/plan" &&
		grep -Eq '^__vdso_clock_gettime +0x[0-9a-f]+ +0x[0-9a-f]+ +[0-9]+ +jump ' "$tmp/plan" &&
		"$ctl" compare --json "$image" | python3 -c '
import json, sys
c = json.load(sys.stdin)
assert c["outcome"] == "proxied"
assert "jump" in [s["action"] for s in c["steps"]]
'
}

compare_refuses_what_is_no_vdso()
{
	: >"$tmp/empty"
	complains 1 "no vDSO" "$ctl" compare "$0" && complains 1 "no vDSO" "$ctl" compare "$tmp/empty" &&
		complains 1 "No such file" "$ctl" compare "$tmp/none" &&
		complains 1 "directory" "$ctl" compare "$tmp"
}

# exec

image_is_the_programs_vdso()
{
	run "$ctl" info --json >"$tmp/json" && run cat /proc/self/maps >"$tmp/maps" &&
		python3 -c '
import json, sys
i = json.load(open(sys.argv[1]))
sites = {s["symbol"]: (s["site"], s["leads_to"]) for s in i["image"]["symbols"]}
assert sites["__vdso_clock_gettime"] == ("near jump", "__vdso_clock_gettime"), sites
assert i["mark"]["version"] == 3 and i["mark"]["image"] == i["image"]["start"]
assert abs(i["mark"]["image"] - i["kernel_pointer"]) < 2**31
' "$tmp/json"
}

auxv_points_to_the_image()
{
	run python3 -c '
import sys
words = memoryview(open("/proc/self/auxv", "rb").read()).cast("Q")
vdso = dict(zip(words[::2], words[1::2]))[33]
image = open(sys.argv[1], "rb").read()
memory = open("/proc/self/mem", "rb")
memory.seek(vdso)
here = memory.read(len(image))
assert here[:0x400] == image[:0x400], "the auxiliary vector names something else"
assert here != image, "no site is installed"
' "$image"
}

time_is_right()
{
	run "$tmp/target-static" check && run "$tmp/target-dynamic" check
}

exit_status_passes_through()
{
	exits 0 run true && exits 1 run false && exits 7 run sh -c 'exit 7'
}

script_runs()
{
	printf '#!/bin/sh\nexit 9\n' >"$tmp/script"
	printf '#!%s/none\n' "$tmp" >"$tmp/orphan"
	chmod +x "$tmp/script" "$tmp/orphan"
	exits 9 run "$tmp/script" && complains 127 interpreter run "$tmp/orphan"
}

says_what_cannot_run()
{
	: >"$tmp/plain"
	complains 127 "not found" run no-such-program && complains 126 "$tmp" run "$tmp" &&
		complains 126 "Permission" run "$tmp/plain" &&
		complains 125 "no vDSO" "$ctl" exec --image "$0" -- true &&
		complains 125 "No such file" "$ctl" exec --image "$tmp/none" -- true
}

refuses_32_bit_program()
{
	complains 125 "program is an i386 one" run "$tmp/target32-static" check
}

# What the program sees of itself is the same with and without us.
leaves_no_trace()
{
	# shellcheck disable=SC2016
	local sh='read children </proc/$$/task/$$/children; echo "children: $children"
		ls -l /proc/$$/fd | wc -l; grep -E "^(Sig|Shd|TracerPid|Threads|PPid)" /proc/$$/status
		env | grep -v ^_='
	bash -c "$sh" >"$tmp/plain" && run bash -c "$sh" >"$tmp/with" &&
		diff "$tmp/plain" "$tmp/with" && grep '^TracerPid:.0$' "$tmp/with"
}

is_the_calling_process()
{
	sh -c 'echo $$; exec "$@"' sh "$ctl" exec --image "$image" -- sh -c 'echo $$' >"$tmp/pids" &&
		[ "$(sort -u "$tmp/pids" | wc -l)" -eq 1 ] && [ "$(wc -l <"$tmp/pids")" -eq 2 ]
}

waiting_sigchld_is_no_surprise()
{
	python3 -c '
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
os.execv(sys.argv[1], sys.argv[1:])
' "$ctl" exec --image "$image" -- python3 -c '
import signal
assert not signal.sigpending(), signal.sigpending()'
}

closed_descriptors_are_no_obstacle()
{
	run sh -c 'exit 4' <&- >&- 2>&-
	[ $? -eq 4 ]
}

signals_pass_through()
{
	exits 143 run sh -c 'kill -TERM $$; sleep 9' && exits 130 run sh -c 'kill -INT $$; sleep 9' &&
		exits 6 run sh -c 'trap "exit 6" TERM; kill -TERM $$; sleep 9' &&
		(trap '' TRAP; exits 3 run sh -c 'kill -TRAP $$; exit 3')
}

# Wherever the signal hits: vdsoctl, execve(), the helper's work, the program.
signal_during_the_start_is_not_lost()
{
	local i
	for i in $(seq 0 24); do
		"$ctl" exec --image "$image" sleep 100 &
		pids+=($!)
		sleep "0.0$((i * 4 / 10))$((i * 4 % 10))"
		kill -TERM $!
		wait $!
		exits 143 sh -c "exit $?" || { echo "round $i"; return 1; }
	done
}

stop_during_the_start_is_obeyed()
{
	local i _
	for i in $(seq 0 11); do
		"$ctl" exec --image "$image" sleep 100 &
		pids+=($!)
		sleep "0.0$((i * 8 / 10))$((i * 8 % 10))"
		kill -STOP $!
		for _ in $(seq 40); do	# once stopped for a while, it stays so
			sleep 0.1
			[[ $(state_of $!) = [Tt] ]] && break
		done
		[[ $(state_of $!) = [Tt] ]] || { echo "round $i: $(state_of $!)"; return 1; }
		kill -TERM $!	# waits for the SIGCONT
		kill -CONT $!
		wait $!
		exits 143 sh -c "exit $?" || { echo "round $i"; return 1; }
	done
}

# Also where Yama lets a process be traced by its ancestors only.
runs_for_an_ordinary_user()
{
	local status scope=/proc/sys/kernel/yama/ptrace_scope old
	local as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	chmod 755 "$tmp"
	install -m 644 "$image" "$tmp/image"
	old=$(cat "$scope")
	echo 1 >"$scope"
	chmod 666 /dev/vdso_remap
	"${as_nobody[@]}" "$ctl" exec --image "$tmp/image" -- "$tmp/target-dynamic" check
	status=$?
	chmod 600 /dev/vdso_remap
	echo "$old" >"$scope"
	complains 125 "no permission" "${as_nobody[@]}" "$ctl" exec --image "$tmp/image" -- true &&
		return "$status"
}

works_without_address_randomization()
{
	setarch -R "$ctl" exec --image "$image" -- "$tmp/target-dynamic" check
}

# Nothing has to be changed, and the program is still looked at.
own_image_is_not_for_other_programs()
{
	"$ctl" dump-image -o "$tmp/own" && "$ctl" dump-image --machine i386 -o "$tmp/own32" &&
		complains 125 "program is an i386 one" "$ctl" exec --image "$tmp/own" -- \
			"$tmp/target32-static" check &&
		complains 125 "program is an x86_64 one" "$ctl" exec --image "$tmp/own32" -- true
}

refuses_x32_program()
{
	complains 125 "program is an x32 one" run "$tmp/exit-x32" &&
		"$ctl" dump-image -o "$tmp/own" &&
		complains 125 "program is an x32 one" "$ctl" exec --image "$tmp/own" "$tmp/exit-x32"
}

says_that_it_is_traced()
{
	complains 125 "traces vdsoctl already" strace -o "$tmp/trace" "$ctl" exec --image "$image" true
}

own_image_runs_in_place_or_by_force()
{
	"$ctl" dump-image -o "$tmp/own" &&
		"$ctl" exec --image "$tmp/own" -- "$ctl" info | tee "$tmp/info" &&
		! grep -q 'image vDSO' "$tmp/info" &&
		"$ctl" exec --force-proxy --image "$tmp/own" -- "$ctl" info | tee "$tmp/info" &&
		grep -q 'near jump to __vdso_clock_gettime' "$tmp/info" &&
		"$ctl" exec --force-proxy --image "$tmp/own" -- "$tmp/target-dynamic" check
}

# move, proxy, evict

# The threads find their vDSO where it was, or die: back it goes before they run.
moves_a_sleeper()
{
	start_sleeper || return 1
	local from to
	from=$(vdso_of "$sleeper")
	to=$(printf '%x' $((0x$from - 0x1000000)))
	"$ctl" move -p "$sleeper" --to "$to" && [ "$(vdso_of "$sleeper")" = "$to" ] &&
		complains 1 "overlaps" "$ctl" move -p "$sleeper" --to "$to" &&
		complains 1 "page aligned" "$ctl" move -p "$sleeper" --to 1001 &&
		"$ctl" move -p "$sleeper" --to "0x$from" && [ "$(vdso_of "$sleeper")" = "$from" ] &&
		waits_for S "$sleeper"
}

move_spares_what_is_in_the_way()
{
	start_sleeper || return 1
	local stack
	stack=$(awk -F- '/\[stack\]/ { print $1 }' "/proc/$sleeper/maps")
	cp "/proc/$sleeper/maps" "$tmp/maps"
	complains 1 "something is mapped" "$ctl" move -p "$sleeper" --to "$stack" &&
		diff "$tmp/maps" "/proc/$sleeper/maps"
}

stopped_process_stays_stopped()
{
	start_sleeper || return 1
	kill -STOP "$sleeper"
	waits_for T "$sleeper" && "$ctl" info -p "$sleeper" >/dev/null && waits_for T "$sleeper" &&
		"$ctl" move -p "$sleeper" --to "$(printf '%x' $((0x$(vdso_of "$sleeper") - 0x1000000)))" &&
		waits_for T "$sleeper" && kill -CONT "$sleeper" && waits_for S "$sleeper"
}

# offset_of SYMBOL: in the image
offset_of()
{
	"$ctl" compare --json "$image" | python3 -c '
import json, sys
print(*[s["old_offset"] for s in json.load(sys.stdin)["steps"] if s["symbol"] == sys.argv[1]])
' "$1"
}

# start_holder [split|data]: $holder, which stands in a system call of its own, and the image's
# $addr in it
start_holder()
{
	coproc HOLDER { exec "$target-static" hold "$image" "$@"; }
	holder=$HOLDER_PID
	pids+=("$holder")
	read -r addr <&"${HOLDER[0]}" || return 1
	waits_for S "$holder"
}

# proxy_in_process ARGS...: gives a holder of the image (that holds it as $how) a proxy, asks it
# the time
proxy_in_process()
{
	local addr off holder answer='' status
	start_holder "${how:-}" || return 1
	off=$(offset_of __vdso_clock_gettime)
	"$ctl" proxy -p "$holder" --at "$addr" "$@" | tee "$tmp/said" && [ "${PIPESTATUS[0]}" -eq 0 ] &&
		"$ctl" info -p "$holder" --json >"$tmp/json" && echo "$off" >&"${HOLDER[1]}" &&
		read -r -t 10 answer <&"${HOLDER[0]}"
	status=$?
	kill -9 "$holder"
	wait "$holder"
	echo "the image's answer: $answer"
	[ "$status" -eq 0 ] && [ "$answer" = right ]
}

# mark_names_data: of the last proxy_in_process
mark_names_data()
{
	grep -q '"image_data":' "$tmp/json"
}

proxy_takes_an_image_in_two_mappings()
{
	local how=split size
	size=$(stat -Lc %s "$image")
	proxy_in_process && mark_names_data && grep "\"size\": *$size\b" "$tmp/json"
}

proxy_takes_zeros_or_what_is_named_for_data()
{
	local how=data
	proxy_in_process && ! mark_names_data && grep 'is not zeros' "$tmp/said" &&
		how='' && proxy_in_process && mark_names_data || return 1
	local addr holder
	start_holder data || return 1
	exits 2 "$ctl" proxy -p "$holder" --data 12 &&
		complains 1 "begin at most" "$ctl" proxy -p "$holder" --at "$addr" --data "$addr" &&
		"$ctl" proxy -p "$holder" --at "$addr" --data "$(printf %x $((0x$addr - 5 * 4096)))" &&
		"$ctl" info -p "$holder" --json >"$tmp/json" && mark_names_data
}

proxy_needs_an_image()
{
	start_sleeper || return 1
	complains 1 "own vDSO" "$ctl" proxy -p "$sleeper" && complains 1 "nothing is mapped" \
		"$ctl" proxy -p "$sleeper" --at 10000
}

proxy_refuses_no_image()
{
	start_sleeper || return 1
	local stack
	stack=$(awk -F- '/\[stack\]/ { print $1 }' "/proc/$sleeper/maps")
	cp "/proc/$sleeper/maps" "$tmp/maps"
	complains 1 "no vDSO" "$ctl" proxy -p "$sleeper" --at "$stack" &&
		diff "$tmp/maps" "/proc/$sleeper/maps"
}

evict_works_on_a_proxied_process()
{
	start_busy "$ctl" exec --image "$image" "$tmp/target-static" || return 1
	"$ctl" evict -p "$busy" && waits_for T "$busy" && kill -CONT "$busy" && sleep 0.1 &&
		kill -USR1 "$busy" && wait "$busy"
}

# 32-bit programs, with an i386 image

dumps_the_i386_vdso()
{
	"$ctl" dump-image --machine i386 -o "$tmp/own32" && "$ctl" dump-image --machine x86_64 -o "$tmp/own" &&
		"$ctl" dump-image | cmp - "$tmp/own" && ! cmp -s "$tmp/own" "$tmp/own32" &&
		"$ctl" compare "$tmp/own32" | tee "$tmp/plan" && grep -q '^in place: image' "$tmp/plan" &&
		complains 1 "i386 vDSO.*x86_64" "$ctl" compare "$tmp/own32" "$tmp/own"
}

compares_i386_image()
{
	"$ctl" compare "$image" | tee "$tmp/plan"
	head -n 1 "$tmp/plan" | grep -Eq '^proxied: image [0-9a-f]{40}, runtime [0-9a-f]{40}$' &&
		grep -Eq '^__vdso_clock_gettime +0x[0-9a-f]+ +0x[0-9a-f]+ +[0-9]+ +jump ' "$tmp/plan" &&
		[ "$(grep -Ec '^__kernel_(vsyscall|(rt_)?sigreturn) .* leave ' "$tmp/plan")" -eq 3 ]
}

# What other processes see of it; with the module and, as far as they can, without
i386_image_is_the_programs_vdso()
{
	local vsyscall status
	vsyscall=$(offset_of __kernel_vsyscall)
	start_busy "$ctl" exec --image "$image" "$target-dynamic" || return 1
	"$ctl" info -p "$busy" --json >"$tmp/json" && python3 -c '
import json, struct, sys
i = json.load(open(sys.argv[1]))
assert i["runtime"]["abi"] == i["image"]["abi"] == "i386"
sites = {s["symbol"]: s["site"] for s in i["image"]["symbols"]}
assert sites["__vdso_clock_gettime"] == "near jump", sites
assert sites["__kernel_vsyscall"] == "untouched", sites
assert i["mark"]["version"] == 3 and i["mark"]["image"] == i["image"]["start"] < 2**32
auxv = open("/proc/%s/auxv" % sys.argv[2], "rb").read()
auxv = dict(struct.iter_unpack("II", auxv[:len(auxv) // 8 * 8]))
assert auxv[33] == i["image"]["start"], "AT_SYSINFO_EHDR"
assert auxv[32] == i["image"]["start"] + int(sys.argv[3]), "AT_SYSINFO"
' "$tmp/json" "$busy" "$vsyscall" && kill -USR1 "$busy" && wait "$busy"
	status=$?
	cat "$tmp/json"
	return "$status"
}

auxv_names_the_i386_image()
{
	local vsyscall
	vsyscall=$(offset_of __kernel_vsyscall)
	run "$target-dynamic" auxv "$image" "$vsyscall" && run "$target-static" auxv "$image" "$vsyscall"
}

i386_program_works()
{
	run "$target-dynamic" check && run "$target-static" check &&
		setarch -R "$ctl" exec --image "$image" -- "$target-dynamic" check &&
		exits 3 run "$target-static" auxv "$image" 1
}

refuses_64_bit_program()
{
	complains 125 "program is an x86_64 one" run true
}

own_i386_image_runs_in_place_or_by_force()
{
	"$ctl" dump-image --machine i386 -o "$tmp/own32" &&
		"$ctl" exec --image "$tmp/own32" -- "$target-dynamic" check &&
		"$ctl" exec --force-proxy --image "$tmp/own32" -- "$target-dynamic" check
}

moves_the_vdso_of_a_32_bit_process()
{
	local addr holder from to off
	start_holder || return 1
	from=$(vdso_of "$holder")
	to=$(printf '%x' $((0x$from - 0x1000000)))
	off=$(offset_of __vdso_clock_gettime)
	"$ctl" info -p "$holder" --json | grep '"abi": *"i386"' &&
		"$ctl" move -p "$holder" --to "$to" && [ "$(vdso_of "$holder")" = "$to" ] &&
		complains 1 "outside of what" "$ctl" move -p "$holder" --to 100000000 &&
		"$ctl" move -p "$holder" --to "$from" && [ "$(vdso_of "$holder")" = "$from" ] &&
		waits_for S "$holder"
}

# start_waiting COMMAND...: $waiting runs a 32-bit program and waits in a system call, inside the vDSO
start_waiting()
{
	local _
	"$@" "$target-static" wait &
	waiting=$!
	pids+=("$waiting")
	for _ in $(seq 100); do
		grep -q '^29 ' "/proc/$waiting/syscall" && break	# pause()
		sleep 0.05
	done
	waits_for S "$waiting"
}

says_that_a_32_bit_thread_is_in_a_system_call()
{
	start_waiting && complains 1 "system call inside" "$ctl" move -p "$waiting" --to 10000000 &&
		waits_for S "$waiting"
}

# waits_inside START SIZE: the thread of $waiting is in there
waits_inside()
{
	local ip
	ip=$(awk '{ print $NF }' "/proc/$waiting/syscall")
	((ip >= 0x$1 && ip < 0x$1 + $2)) || { echo "$ip is not in $2 bytes at $1"; return 1; }
}

evict_leaves_a_32_bit_thread_in_its_system_call()
{
	start_waiting && "$ctl" evict -p "$waiting" | tee "$tmp/said" &&
		grep -q '^at a system call.*: 1$' "$tmp/said" && waits_for T "$waiting" &&
		waits_inside "$(vdso_of "$waiting")" 0x3000 && kill -CONT "$waiting" &&
		waits_for S "$waiting"
}

# which called its __kernel_vsyscall, and was to return to the runtime vDSO's
evict_has_a_32_bit_thread_return_into_the_image()
{
	local start
	start_waiting "$ctl" exec --image "$image" && waits_inside "$(vdso_of "$waiting")" 0x3000 &&
		"$ctl" evict -p "$waiting" && waits_for T "$waiting" || return 1
	start=$("$ctl" info -p "$waiting" --json | python3 -c '
import json, sys
print("%x" % json.load(sys.stdin)["image"]["start"])')
	waits_inside "$start" "$(stat -Lc %s "$image")" && kill -CONT "$waiting" && waits_for S "$waiting"
}

# Sealed mappings

# $sleeper: one that has sealed its vDSO. Fails if the kernel can't.
start_sealed()
{
	local _
	python3 -c '
import ctypes, re, sys, time
libc = ctypes.CDLL(None)
for line in open("/proc/self/maps"):
    m = re.match("([0-9a-f]+)-([0-9a-f]+) .*\\[(vdso|vvar)", line)
    if m:
        start, end = (ctypes.c_ulong(int(x, 16)) for x in m.group(1, 2))
        if libc.syscall(462, start, ctypes.c_ulong(end.value - start.value), 0):
            sys.exit(1)
time.sleep(1000)' &
	sleeper=$!
	pids+=("$sleeper")
	for _ in $(seq 100); do
		grep -q '^230 ' "/proc/$sleeper/syscall" 2>"$tmp/stderr" && return
		sleep 0.1
	done
	return 1
}

unseal_is_no_obstacle()
{
	"$ctl" exec --unseal --image "$image" "$target-dynamic" check &&
		proxy_in_process --unseal && proxy_in_process --unseal --park no
}

moves_a_sealed_vdso_if_all_agree()
{
	local to parameter=/sys/module/vdso_remap/parameters/allow_unseal
	"$ctl" info -p "$sleeper" | grep sealed || return 1
	to=$(printf '%x' $((0x$(vdso_of "$sleeper") - 0x1000000)))
	complains 1 "sealed" "$ctl" move -p "$sleeper" --to "$to" &&
		complains 1 "allow_unseal=1" "$ctl" move -p "$sleeper" --to "$to" --unseal &&
		"$ctl" unload && load allow_unseal=1 &&
		[ "$(cat "$parameter")" = Y ] &&
		complains 1 "sealed" "$ctl" move -p "$sleeper" --to "$to" &&
		"$ctl" move -p "$sleeper" --to "$to" --unseal && [ "$(vdso_of "$sleeper")" = "$to" ] &&
		"$ctl" info -p "$sleeper" | grep sealed && "$ctl" unload && load
}

# Once more, at the address that the auxiliary vector says.
proxies_again()
{
	start_busy "$ctl" exec --image "$image" "$tmp/target-static" || return 1
	"$ctl" proxy -p "$busy" && "$ctl" proxy -p "$busy" && sleep 0.2 &&
		"$ctl" info -p "$busy" && kill -USR1 "$busy" && wait "$busy"
}

# load, unload

unload_is_refused_while_open()
{
	exec 5</dev/vdso_remap
	complains 1 "open in process.* $$\b" "$ctl" unload 5<&- && [ -e /dev/vdso_remap ] || return 1
	exec 5<&-
	"$ctl" unload && ! [ -e /dev/vdso_remap ]
}

status_says_that_it_works()
{
	"$ctl" status >"$tmp/status" && cat "$tmp/status" &&
		grep -q '^module: loaded, interface version [1-9]' "$tmp/status" &&
		grep -q '^self-test: .* by the module, and tells the time$' "$tmp/status"
}

status_says_what_is_missing()
{
	exits 1 "$ctl" status >"$tmp/status" && cat "$tmp/status" &&
		grep -q '^module: .*Is the module loaded' "$tmp/status" &&
		grep -q '^self-test: .* by ptrace, and tells the time$' "$tmp/status"
}

works_without_the_module()
{
	"$ctl" info | grep -q 'module is not loaded' && "$ctl" info --json | python3 -m json.tool &&
		"$ctl" dump-image | cmp - "$tmp/own" && "$ctl" compare "$image" &&
		complains 1 "Is the module loaded" "$ctl" move -p $$ --to 1000 &&
		complains 125 "Is the module loaded" run true && complains 1 "is not loaded" "$ctl" unload
}

loads_once()
{
	load && [ -c /dev/vdso_remap ] && "$ctl" load | grep 'loaded already' &&
		complains 1 "no effect" "$ctl" load nonsense=1
}

load_says_what_is_wrong()
{
	echo nonsense >"$tmp/bad.ko"
	"$ctl" unload && complains 1 "No such file" "$ctl" load "$tmp/none.ko" &&
		complains 1 "no module for the running kernel" "$ctl" load "$tmp/bad.ko"
	load
}

compile_x32()
{
	cc -mx32 -nostdlib -static -Wl,-z,noexecstack -o "$tmp/exit-x32" -x assembler - <<-'END'
		.globl _start
		_start:	mov $0x4000003c, %eax
			mov $9, %edi
			syscall
	END
}

images=("$dir"/*.vdso)
images32=("$dir"/i386/*.vdso)
[ -e "${images[0]}" ] || { echo "Bail out! no *.vdso in $dir"; exit 1; }
[ -e "${images32[0]}" ] || { echo "Bail out! no *.vdso in $dir/i386"; exit 1; }
[ -c /dev/vdso_remap ] || load || { echo "Bail out! the module can't be loaded"; exit 1; }
if ! compile_targets || ! compile_x32; then
	echo "Bail out! can't compile the test programs"
	exit 1
fi

echo "TAP version 13"
echo "1..$((45 + 18 * ${#images[@]} + 6 * ${#images32[@]}))"

image=${images[0]}
target=$tmp/target
claim "every command has --help and --version" options_of_every_command
claim "wrong usage exits with 2" wrong_usage_is_2
claim "wrong usage of exec exits with 125" wrong_usage_of_exec_is_125
claim "a full disk is noticed" full_output_is_noticed
claim "info names the entry points" info_names_the_entry_points
claim "info --json agrees with /proc/PID/maps" info_json_agrees_with_maps
claim "info says who is missing" info_says_who_is_missing
claim "info shows the vDSO also if other memory is where it was" info_survives_other_memory
claim "info tells no permission from no module" info_tells_no_permission_from_not_loaded
if command -v strace >/dev/null; then
	claim "info falls back to /proc for a traced process" info_falls_back_to_proc_for_a_traced_process
else
	skip "info falls back to /proc for a traced process" "no strace here"
fi
if start_waiter "$tmp/target-static" split >/dev/null 2>&1; then
	claim "a split vDSO is dumped and shown" split_vdso_is_dumped_and_shown
else
	skip "a split vDSO is dumped and shown" "this kernel splits no special mapping" split-vdso
fi
claim "dump-image replaces regular files only" dump_replaces_regular_files_only
claim "dumps of several processes are identical" dumps_are_identical
claim "a failed dump leaves the old file" failed_dump_leaves_the_file
claim "compare of the own image says in place" compares_own_image
claim "compare refuses what is no vDSO" compare_refuses_what_is_no_vdso
claim "exec says what can't run" says_what_cannot_run
claim "exec of the own image: in place, or proxied by force" own_image_runs_in_place_or_by_force
claim "exec of the own image: programs of another kind are refused" own_image_is_not_for_other_programs
if exits 9 "$tmp/exit-x32" >/dev/null 2>&1; then
	claim "exec refuses x32 programs" refuses_x32_program
else
	skip "exec refuses x32 programs" "this kernel runs no x32 programs" x32
fi
if command -v strace >/dev/null; then
	claim "exec says that it is traced" says_that_it_is_traced
else
	skip "exec says that it is traced" "no strace here"
fi
claim "exec runs for an ordinary user who may open the device" runs_for_an_ordinary_user
claim "move brings the vDSO there and back" moves_a_sleeper
claim "move spares what is in the way" move_spares_what_is_in_the_way
claim "a stopped process stays stopped" stopped_process_stays_stopped
claim "proxy needs an image" proxy_needs_an_image
claim "proxy refuses what is no image" proxy_refuses_no_image
claim "proxy takes an image in two mappings" proxy_takes_an_image_in_two_mappings
claim "proxy takes zeros, or what is named, for data pages" proxy_takes_zeros_or_what_is_named_for_data
for image in "${images[@]}"; do
	name=$(basename "$image" .vdso)
	claim "$name: compare shows the plan" compares_foreign_image
	claim "$name: exec makes it the program's vDSO" image_is_the_programs_vdso
	claim "$name: the auxiliary vector points to it" auxv_points_to_the_image
	claim "$name: time is right, linked statically and dynamically" time_is_right
	claim "$name: the exit status passes through" exit_status_passes_through
	claim "$name: scripts run" script_runs
	claim "$name: a 32-bit program is refused" refuses_32_bit_program
	claim "$name: the program finds no trace of us" leaves_no_trace
	claim "$name: the program is the calling process" is_the_calling_process
	claim "$name: no SIGCHLD is left waiting" waiting_sigchld_is_no_surprise
	claim "$name: closed descriptors are no obstacle" closed_descriptors_are_no_obstacle
	claim "$name: signals pass through" signals_pass_through
	claim "$name: no signal is lost during the start" signal_during_the_start_is_not_lost
	claim "$name: a stop during the start is obeyed" stop_during_the_start_is_obeyed
	claim "$name: works without address randomization" works_without_address_randomization
	claim "$name: proxy in another process" proxy_in_process
	claim_steps "$name: proxy again, while threads are inside" proxies_again
	claim_steps "$name: evict works on a proxied process" evict_works_on_a_proxied_process
done
image=${images[0]}
claim "proxy without parking" proxy_in_process --park no
target=$tmp/target32
for image in "${images32[@]}"; do
	name=i386/$(basename "$image" .vdso)
	claim "$name: compare shows the plan" compares_i386_image
	claim "$name: exec makes it the program's vDSO" i386_image_is_the_programs_vdso
	claim "$name: the auxiliary vector points to it" auxv_names_the_i386_image
	claim "$name: time and signals are right, linked statically and dynamically" i386_program_works
	claim "$name: a 64-bit program is refused" refuses_64_bit_program
	claim "$name: proxy in another process" proxy_in_process
done
image=${images32[0]}
claim "the i386 vDSO is dumped" dumps_the_i386_vdso
claim "exec of the own i386 image: in place, or proxied by force" own_i386_image_runs_in_place_or_by_force
claim "move of a 32-bit process's vDSO there and back" moves_the_vdso_of_a_32_bit_process
claim "i386: proxy without parking" proxy_in_process --park no
claim "a 32-bit thread in a system call is in the way" says_that_a_32_bit_thread_is_in_a_system_call
claim "evict leaves a 32-bit thread in its system call" evict_leaves_a_32_bit_thread_in_its_system_call
claim "evict has it return into the image" evict_has_a_32_bit_thread_return_into_the_image
target=$tmp/target
image=${images[0]}
claim "--unseal is no obstacle where nothing is sealed" unseal_is_no_obstacle
if start_sealed; then
	claim "move of a sealed vDSO if all agree" moves_a_sealed_vdso_if_all_agree
else
	skip "move of a sealed vDSO if all agree" "this kernel has no mseal()" mseal
fi
claim "status says that it works" status_says_that_it_works
claim "unload is refused while the device is open" unload_is_refused_while_open
claim "all that needs no module works without" works_without_the_module
claim "status says what is missing" status_says_what_is_missing
claim "load loads once" loads_once
claim "load says what is wrong" load_says_what_is_wrong
exit "$failed"
