# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2317
# Sourced by selftests/check, whose variables and functions it uses.
# CRIU with vdso-remap: processes are dumped on each of $kernels, restored on each of them, and
# dumped again there. Without PAIRS=all the kernels are $criu_kernels. Some are containers: of crun
# here, of podman in check_podman.
#   CRIU_SUITE    the Debian suite that CRIU is from (trixie)
#   BUSY          dumps of busy threads on each kernel, in each of three ways (3)

criu_suite=${CRIU_SUITE:-trixie}
criu_share=$build/criu-$criu_suite	# what a VM sees at /share
criu_kernels=(bookworm sid)
criu_zdtm='vdso00 vdso01 vdso02 vdso-proxy'
criu_programs='plain threads moved unmapped sandboxed random i386 python3 go namespaces'
criu_modes='clones pre-dump snapshots frozen'
# CRIU alone, as Debian has it; the same with the plugin; and with vdso-remap in it
stock=criu plugin=/share/criu-plugin ours=/share/criu

criu_vm()
{
	local kernel=$1 name=$2
	shift 2
	disk=${criu_disk:-$cache/criu-$criu_suite.img} share=$criu_share out=$build cpu=$vm_cpu_far_return mem=2048 \
		in_vm "$kernel" "$name" $((600 * ${#kernels[@]} + 100 * ${BUSY:-3})) "/share/run-guest ${*@Q}"
}

vm_criu_dump()
{
	local to=/out/criu-images/$1
	criu_vm "$1" criu-dump "dump-$1=dump $ours $to/programs $criu_programs" \
		"dump-plugin-$1=dump $plugin $to/programs-plugin $criu_programs rseq" \
		"modes-dump-$1=modes-dump $ours $to/modes $criu_modes" \
		"busy-dump-$1=busy-dump $ours $to/busy-ours busy ${BUSY:-3}" \
		"busy-dump-plugin-$1=busy-dump $plugin $to/busy-plugin busy ${BUSY:-3}" \
		"busy-dump-stock-$1=busy-dump $stock $to/busy-stock busy ${BUSY:-3}" \
		"busy32-dump-stock-$1=busy-dump $stock $to/busy32-stock busy32 ${BUSY:-3}" \
		"busy-dump-evict-$1=busy-dump $stock $to/busy-evict busy ${BUSY:-3} evict" \
		"crun-dump-$1=container-dump plugin $to/crun crun 1 busy python3" \
		"crun-dump-stock-$1=container-dump stock $to/crun-stock crun 1 busy python3"
}

# on this one, from all
vm_criu_restore()
{
	local kernel=$1 from images other modes_to tests=()
	for from in "${kernels[@]}"; do
		[ "$from" = "$kernel" ] || other=/out/criu-images/$from
		images=/out/criu-images/$from modes_to=
		# of these only what makes the round trip is dumped again
		[ "$from $kernel" != "${kernels[*]:0:2}" ] || modes_to=$images-$kernel/modes
		tests+=("$from-$kernel=restore $ours $images/programs $images-$kernel/programs"
			"modes-$from-$kernel=modes-restore $ours $images/modes $modes_to"
			"busy-$from-$kernel=busy-restore $ours $images/busy-ours $images-$kernel/ours right"
			"plugin-$from-$kernel=restore $plugin $images/programs-plugin $images-$kernel/programs-plugin"
			"busy-plugin-$from-$kernel=busy-restore $plugin $images/busy-plugin $images-$kernel/plugin right"
			"busy-mixed-$from-$kernel=busy-restore $ours $images/busy-stock $images-$kernel/mixed named"
			"busy-mixed-plugin-$from-$kernel=busy-restore $plugin $images/busy-stock $images-$kernel/mixed-plugin named"
			"busy32-mixed-plugin-$from-$kernel=busy-restore $plugin $images/busy32-stock $images-$kernel/mixed32-plugin named"
			"busy-stock-$from-$kernel=busy-restore $stock $images/busy-stock $images-$kernel/stock"
			"busy-evict-$from-$kernel=busy-restore $stock $images/busy-evict $images-$kernel/evict alive"
			"crun-$from-$kernel=container-restore plugin $images/crun crun $images-$kernel/crun"
			"crun-stock-$from-$kernel=container-restore stock $images/crun-stock crun $images-$kernel/crun-stock")
	done
	criu_vm "$kernel" criu-restore "${tests[@]}" "zdtm-$kernel=zdtm $ours $criu_zdtm" \
		"zdtm-plugin-$kernel=zdtm $plugin $criu_zdtm" \
		"without-module-$kernel=without-module $ours $plugin $other/programs-plugin"
}

# What was dumped on the first and restored on the next goes on: to a third if there is one, and home.
# So does what CRIU alone did there, by ours, also if it overwrote the trampolines of i386; and what we
# did, by CRIU alone.
criu_round_trip()
{
	local a=${kernels[0]} b=${kernels[1]} c=${kernels[2]:-${kernels[0]}} i=/out/criu-images
	criu_vm "$b" criu-carry \
		"carry-$a-$b=carry $stock $i/$a/programs $i/$a-$b/carried plain i386 python3"
	criu_vm "$c" criu-round-trip \
		"$a-$b-$c=restore $ours $i/$a-$b/programs $i/$a-$b-$c/programs" \
		"modes-$a-$b-$c=modes-restore $ours $i/$a-$b/modes" \
		"plugin-$a-$b-$c=restore $plugin $i/$a-$b/programs-plugin $i/$a-$b-$c/programs-plugin" \
		"carried-$a-$b-$c=restore $ours $i/$a-$b/carried $i/$a-$b-$c/carried"
	criu_vm "$a" criu-home \
		"$a-$b-$c-$a=restore $ours $i/$a-$b-$c/programs $i/$a-$b-$c-$a/programs" \
		"stock-$a-$b-$a=restore $stock $i/$a-$b/programs $i/$a-$b-$a/stock"
}

# Everything that the VMs take from $criu_share
build_criu_share()
{
	local kernel
	"$selftests/qemu/setup" "criu-$criu_suite"
	for kernel in "${kernels[@]}"; do
		queue build_module "$kernel"
	done
	say "building CRIU with vdso-remap"
	# shellcheck disable=SC2086 # several tests
	"$selftests/qemu/chroot-build" --suite "criu-$criu_suite" "$tree" "$criu_share" -- \
		selftests/criu/build $criu_zdtm
	wait
	cp -r "$guest"/{module,vdsoctl,Server.class} "$criu_share/"
	rm -rf "$criu_share/modules"
	mkdir "$criu_share/modules"
	for kernel in "${kernels[@]}"; do
		cp -r "$cache/kernel/$kernel"/lib/modules/* "$criu_share/modules/"
	done
}

check_criu()
{
	local kernel
	kernels=("${criu_kernels[@]}")
	[ "${PAIRS:-}" != all ] || kernels=("${all_kernels[@]}")
	build_criu_share
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
	"$selftests/criu/table.py" processes "$results/criu" "$build/criu-images" "$cache/kernel" "${kernels[@]}"
}

# podman's containers between three kernels, on the host's network and on their own. CRIU before 4.2
# can't dump TCP sockets on kernels from 6.16 on, nor a network of its own on those from 7.1 on.
podman_suite=sid
podman_kernels=(bookworm trixie sid)
podman_kinds='podman-host podman-default'

podman_vm()
{
	criu_disk=$cache/podman-$podman_suite.img criu_vm "$@"
}

vm_podman_dump()
{
	local kernel=$1 kind=$2 to=/out/podman-images/$1/$2
	podman_vm "$kernel" "$kind-dump" \
		"$kind-dump-$kernel=container-dump plugin $to $kind ${BUSY:-1} server java" \
		"$kind-dump-stock-$kernel=container-dump stock $to-stock $kind ${BUSY:-1} server java"
}

# on this one, from all
vm_podman_restore()
{
	local kernel=$1 kind=$2 from to images tests=()
	for from in "${kernels[@]}"; do
		images=/out/podman-images/$from/$kind to=/out/podman-images/$from-$kernel/$kind
		tests+=("$kind-$from-$kernel=container-restore plugin $images $kind $to-plugin"
			"$kind-stock-$from-$kernel=container-restore stock $images-stock $kind $to-stock"
			"$kind-ptrace-$from-$kernel=container-restore plugin-without-module $images $kind
			 $to-plugin-without-module")
	done
	podman_vm "$kernel" "$kind-restore" "${tests[@]}"
}

check_podman()
{
	local kernel kind
	kernels=("${podman_kernels[@]}")
	"$selftests/qemu/setup" "podman-$podman_suite"
	build_criu_share
	rm -rf "$build/podman-images"
	for kernel in "${kernels[@]}"; do
		for kind in $podman_kinds; do
			queue vm_podman_dump "$kernel" "$kind"
		done
	done
	wait
	for kernel in "${kernels[@]}"; do
		for kind in $podman_kinds; do
			queue vm_podman_restore "$kernel" "$kind"
		done
	done
	wait
	"$selftests/criu/table.py" containers "$build/podman-images" "$cache/kernel" "${kernels[@]}"
}
