# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2317
# Sourced by selftests/check, whose variables and functions it uses.
# CRIU with vdso-remap: processes are dumped on each of $kernels, restored on each of them, and
# dumped again there. Without PAIRS=all the kernels are $criu_kernels.
#   CRIU_SUITE    the Debian suite that CRIU is from (trixie)
#   BUSY          dumps of busy threads on each kernel, in each of three ways (3)

criu_suite=${CRIU_SUITE:-trixie}
criu_share=$build/criu-$criu_suite	# what a VM sees at /share
criu_kernels=(bookworm sid)
criu_zdtm='vdso00 vdso01 vdso02 vdso-proxy'
criu_programs='plain threads moved unmapped sandboxed random i386 python3 go namespaces'
# CRIU alone, as Debian has it; and with vdso-remap
stock=criu ours=/share/criu

# Debian's QEMU takes a far return of a 32-bit process for an access by the kernel: no SMAP.
criu_vm()
{
	local kernel=$1 name=$2
	shift 2
	disk=$cache/criu-$criu_suite.img share=$criu_share out=$build cpu=max,-smap,-smep mem=2048 \
		in_vm "$kernel" "$name" 1200 "/share/run-guest ${*@Q}"
}

vm_criu_dump()
{
	local to=/out/criu-images/$1
	criu_vm "$1" criu-dump "dump-$1=dump $ours $to/programs $criu_programs" \
		"busy-dump-$1=busy-dump $ours $to/busy-ours ${BUSY:-3}" \
		"busy-dump-stock-$1=busy-dump $stock $to/busy-stock ${BUSY:-3}" \
		"busy-dump-evict-$1=busy-dump $stock $to/busy-evict ${BUSY:-3} evict"
}

# on this one, from all
vm_criu_restore()
{
	local kernel=$1 from images tests=()
	for from in "${kernels[@]}"; do
		images=/out/criu-images/$from
		tests+=("$from-$kernel=restore $ours $images/programs $images-$kernel/programs"
			"clones-$from-$kernel=clones $ours $images/programs"
			"busy-$from-$kernel=busy-restore $ours $images/busy-ours $images-$kernel/ours right"
			"busy-mixed-$from-$kernel=busy-restore $ours $images/busy-stock $images-$kernel/mixed named"
			"busy-stock-$from-$kernel=busy-restore $stock $images/busy-stock $images-$kernel/stock"
			"busy-evict-$from-$kernel=busy-restore $stock $images/busy-evict $images-$kernel/evict alive")
	done
	criu_vm "$kernel" criu-restore "${tests[@]}" "zdtm-$kernel=zdtm $ours $criu_zdtm" \
		"without-module-$kernel=without-module $ours"
}

# What was dumped on the first and restored on the next goes on: to a third if there is one, and home.
# So does what CRIU alone did there, by ours; and what we did, by CRIU alone.
criu_round_trip()
{
	local a=${kernels[0]} b=${kernels[1]} c=${kernels[2]:-${kernels[0]}} i=/out/criu-images
	criu_vm "$b" criu-carry \
		"carry-$a-$b=carry $stock $i/$a/programs $i/$a-$b/carried plain python3"
	criu_vm "$c" criu-round-trip \
		"$a-$b-$c=restore $ours $i/$a-$b/programs $i/$a-$b-$c/programs" \
		"carried-$a-$b-$c=restore $ours $i/$a-$b/carried $i/$a-$b-$c/carried"
	criu_vm "$a" criu-home \
		"$a-$b-$c-$a=restore $ours $i/$a-$b-$c/programs $i/$a-$b-$c-$a/programs" \
		"stock-$a-$b-$a=restore $stock $i/$a-$b/programs $i/$a-$b-$a/stock"
}

check_criu()
{
	local kernel
	kernels=("${criu_kernels[@]}")
	[ "${PAIRS:-}" != all ] || kernels=("${all_kernels[@]}")
	"$selftests/qemu/setup" "criu-$criu_suite"
	for kernel in "${kernels[@]}"; do
		queue build_module "$kernel"
	done
	say "building CRIU with vdso-remap"
	# shellcheck disable=SC2086 # several tests
	"$selftests/qemu/chroot-build" --suite "criu-$criu_suite" "$tree" "$criu_share" -- \
		selftests/criu/build $criu_zdtm
	wait
	cp -r "$guest"/{module,vdsoctl} "$criu_share/"
	rm -rf "$build/criu-images"
	for kernel in "${kernels[@]}"; do
		queue vm_criu_dump "$kernel"
	done
	wait
	for kernel in "${kernels[@]}"; do
		queue vm_criu_restore "$kernel"
	done
	wait
	criu_round_trip
	"$selftests/criu/table.py" "$results/criu" "$build/criu-images" "$cache/kernel" "${kernels[@]}"
}
