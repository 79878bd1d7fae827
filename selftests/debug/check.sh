# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2317
# Sourced by selftests/check, whose variables and functions it uses.
# The kernels that watch us: what only they can judge, and the VM tier, programs under the oldest and
# the newest image.
#   RACE_SECONDS  of each race (12)
#   FUZZ_SECONDS  of the fuzzer (60); SEED: its first round's, for repetition
#   LOAD_TIMES    that the module is unloaded under load (30)

# Everything takes several times as long there.
patience=4

# What these kernels are built for: a test that can't find it has failed.
debug_has='fault-injection kmemleak mseal x32'
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

vm_race()
{
	local seconds=${RACE_SECONDS:-12} races
	races=$(grep -c '^TEST_F_TIMEOUT(race,' "$selftests/debug/test_race.c")
	in_leak_guest "$1" race $((300 + races * seconds)) \
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

vm_slow_vdsoctl()
{
	# shellcheck disable=SC2016 # expanded in the VM
	in_guest "$1" vdsoctl 900 \
		'vdsoctl=STEPS_ARE_SLOW=1 /share/selftests/vm/test_vdsoctl.sh $VDSO_IMAGES'
}

vm_sealed()
{
	# shellcheck disable=SC2016 # expanded in the VM
	in_guest "$1" sealed 600 seal=/share/vm/test_seal \
		'sealed=/share/selftests/vm/test_sealed.sh $VDSO_IMAGES'
}

check_debug()
{
	local group from
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
	for group in contract few_threads slow_vdsoctl sysenter refusal dkms; do
		append=kmemleak=off has=$debug_has queue "vm_$group" debug
	done
	for from in bullseye experimental; do
		append=kmemleak=off has=$debug_has queue vm_programs debug \
			"$(cat "$cache/kernel/$from/release")"
	done
	append=kmemleak=off has=$sealed_has queue vm_sealed debug-sealed
	wait
}
