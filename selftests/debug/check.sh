# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2317
# Sourced by selftests/check, whose variables and functions it uses.
# The kernels that watch us: what only they can judge, and the VM tier.
#   RACE_SECONDS  of each race (12)
#   FUZZ_SECONDS  of the fuzzer (60); SEED: its first round's, for repetition

# Everything takes several times as long there.
patience=4

# in_leak_guest KERNEL NAME COMMAND: with the module still loaded at the end, asks for leaks
in_leak_guest()
{
	in_guest "$1" "$2" 600 "$2=$3" "kmemleak-$2=/share/selftests/debug/kmemleak"
}

vm_fault()
{
	in_leak_guest "$1" fault /share/debug/test_fault
}

vm_race()
{
	in_leak_guest "$1" race "RACE_SECONDS=${RACE_SECONDS:-12} /share/debug/test_race"
}

vm_fuzz()
{
	in_leak_guest "$1" fuzz "TIME=${FUZZ_SECONDS:-60} SEED=${SEED:-} /share/debug/fuzz_ioctl"
}

vm_threads()
{
	in_guest "$1" threads 600 'threads=VDSO_REMAP_INSTALLS=200 /share/vm/test_threads'
}

vm_sealed()
{
	# shellcheck disable=SC2016 # expanded in the VM
	in_guest "$1" sealed 600 seal=/share/vm/test_seal info=/share/vm/test_info \
		'sealed=/share/selftests/vm/test_sealed.sh $VDSO_IMAGES'
}

check_debug()
{
	local group
	build_module debug
	build_module "$suite"
	"$selftests/qemu/chroot-build" "$tree" "$guest" -- selftests/debug/build
	mkdir -p "$results/debug-sealed/vm"
	for group in race fault fuzz; do
		queue "vm_$group" debug
	done
	# a kernel that sees less, but thirty times as many calls
	queue vm_fuzz "$suite"
	# Looking out for leaks costs half of the time, and the tests above leave nothing out.
	for group in contract threads vdsoctl load refusal; do
		append=kmemleak=off queue "vm_$group" debug
	done
	append=kmemleak=off queue vm_sealed debug-sealed
	wait
}
