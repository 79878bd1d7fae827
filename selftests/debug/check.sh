# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2317
# Sourced by selftests/check, whose variables and functions it uses.
# The kernels that watch us: what only they can judge, and the VM tier, programs under the oldest and
# the newest image.
#   RACE_SECONDS  of each race (12)
#   FUZZ_SECONDS  of the fuzzer (60); SEED: its first round's, for repetition
#   LOAD_TIMES    that the module is unloaded under load (30)
#   SOAK_MINUTES  instead of all that: the fuzzer, the races and the faults, a third of this time
#                 each, on "debug" and at the same time on "debug-kcsan", which looks for data
#                 races. A race takes 12 s or more and the faults are tried in whole rounds, so it
#                 may take longer.

# Everything takes several times as long there.
patience=4

# What these kernels are built for: a test that can't find it has failed.
debug_has='fault-injection kmemleak mseal pkeys x32'
kcsan_has='fault-injection kcsan mseal pkeys x32'
sealed_has='sealed-vdso mseal x32'

# in_leak_guest KERNEL NAME SECONDS COMMAND: with the module still loaded at the end, asks for leaks
in_leak_guest()
{
	in_guest "$1" "$2" "$3" "$2=$4" "kmemleak-$2=/share/selftests/debug/kmemleak"
}

vm_fault()
{
	in_leak_guest "$1" fault 600 /share/debug/test_fault
}

nr_races()
{
	grep -c '^TEST_F_TIMEOUT(race,' "$selftests/debug/test_race.c"
}

vm_race()
{
	local seconds=${RACE_SECONDS:-12}
	in_leak_guest "$1" race $((300 + $(nr_races) * seconds)) \
		"RACE_SECONDS=$seconds /share/debug/test_race"
}

vm_fuzz()
{
	local seconds=${FUZZ_SECONDS:-60}
	in_leak_guest "$1" fuzz $((300 + seconds)) \
		"TIME=$seconds SEED=${SEED:-} /share/debug/fuzz_ioctl"
}

# What stays when the module has left
vm_load_leaks()
{
	local times=${LOAD_TIMES:-30}
	in_vm "$1" load $((300 + 10 * times)) "$(load_unload "$times")
		/share/selftests/debug/kmemleak >/out/kmemleak-load.tap"
}

vm_few_threads()
{
	in_guest "$1" threads 600 'threads=VDSO_REMAP_INSTALLS=200 /share/vm/test_threads'
}

vm_vdsoctl_without_evict()
{
	vm_vdsoctl "$1" evict_groups
}

vm_sealed()
{
	in_guest "$1" sealed 600 seal=/share/vm/test_seal \
		vdsoctl/sealed=/share/selftests/vm/vdsoctl/test_sealed.py
}

# KCSAN's delays are short: processors that are emulated in turns hardly ever meet in one.
vm_soak()
{
	local part=$((SOAK_MINUTES * 60 / 3)) race_seconds begin='' parallel='' last
	race_seconds=$((part / $(nr_races)))
	[ "$race_seconds" -ge 12 ] || race_seconds=12
	if [ "$1" = debug-kcsan ]; then
		parallel=1
		begin='echo on >/sys/kernel/debug/kcsan &&'
		last=kcsan
	else
		last=kmemleak
	fi
	# with the TAP of the last round, or of the first that fails
	local rounds="end=\$((SECONDS + $part))
		while /share/debug/test_fault >/tmp/fault.tap && [ \$SECONDS -lt \$end ]; do :; done
		cat /tmp/fault.tap"
	local tests=(fuzz="TIME=$part SEED=${SEED:-} /share/debug/fuzz_ioctl"
		race="RACE_SECONDS=$race_seconds /share/debug/test_race"
		fault="$rounds" "$last=/share/selftests/debug/$last")
	in_vm "$1" soak $((900 + SOAK_MINUTES * 60 + $(nr_races) * 12)) \
		"$begin /share/selftests/vm/run-guest ${tests[*]@Q}"
}

check_soak()
{
	local kernel
	for kernel in debug debug-kcsan; do
		queue build_module "$kernel"
	done
	wait
	"$selftests/qemu/chroot-build" "$tree" "$guest" -- selftests/debug/build
	has=$debug_has queue vm_soak debug
	has=$kcsan_has queue vm_soak debug-kcsan
	wait
}

check_debug()
{
	local group from
	if [ -n "${SOAK_MINUTES:-}" ]; then
		check_soak
		return
	fi
	build_module debug
	build_module "$suite"
	"$selftests/qemu/chroot-build" "$tree" "$guest" -- selftests/debug/build
	mkdir -p "$results/debug-sealed/vm"
	for group in race fault fuzz load_leaks; do
		has=$debug_has queue "vm_$group" debug
	done
	# a kernel that sees less, but thirty times as many calls
	queue vm_fuzz "$suite"
	# Looking out for leaks costs half of the time; the tests above, which do, issue every command
	# and take every way in which one can fail.
	# What steps a thread is the library's, and the module has no part in it.
	for group in contract few_threads vdsoctl_without_evict sysenter refusal dkms; do
		steps_are_slow=1 append=kmemleak=off has=$debug_has queue "vm_$group" debug
	done
	for from in bullseye experimental; do
		append=kmemleak=off has=$debug_has queue vm_programs debug \
			"$(cat "$cache/kernel/$from/release")"
	done
	append=kmemleak=off has=$sealed_has queue vm_sealed debug-sealed
	wait
}
