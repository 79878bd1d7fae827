# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # sourced by selftests/check, whose functions it uses
# The kernels that watch us: the VM tier, and what only they can judge.
#   RACE_SECONDS  of each race (12)
#   FUZZ_SECONDS  of the fuzzer (60); SEED: its first round's, for repetition

# Everything takes several times as long there.
patience=5

vm_fault()
{
	in_guest "$1" fault 600 fault=/share/debug/test_fault
}

vm_race()
{
	in_guest "$1" race 600 "race=RACE_SECONDS=${RACE_SECONDS:-12} /share/debug/test_race"
}

vm_fuzz()
{
	in_guest "$1" fuzz 600 "fuzz=TIME=${FUZZ_SECONDS:-60} SEED=${SEED:-} /share/debug/fuzz_ioctl"
}

vm_seal()
{
	# shellcheck disable=SC2016 # expanded in the VM
	in_guest "$1" seal 600 seal=/share/vm/test_seal info=/share/vm/test_info \
		'sealed=/share/selftests/vm/test_sealed.sh $VDSO_IMAGES'
}

check_debug()
{
	local group
	build_module debug
	"$selftests/qemu/chroot-build" "$tree" "$guest" -- selftests/debug/build
	mkdir -p "$results"/debug{,-sealed}/vm
	for group in race contract threads fault vdsoctl fuzz load refusal; do
		queue "vm_$group" debug
	done
	queue vm_seal debug-sealed
	wait
}
