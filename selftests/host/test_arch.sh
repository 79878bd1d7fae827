#!/bin/bash
# SPDX-License-Identifier: MIT
# test_arch.sh TREE: nothing outside of the ports, arch/ and selftests/arch/, knows a machine. Looks for
# the names of ABIs, ELF machines, registers, instructions and for sizes of pages, in code and comments.
# Speaks TAP, and prints the exceptions.
set -euo pipefail
cd "$1"

files=(kmod/*.[ch] userspace/*.[ch] userspace/*/*.[ch] include/*.h include/uapi/linux/*.h arch/*.h Kbuild
	Makefile userspace/Makefile userspace/criu/apply dkms.conf)
mapfile -t -O ${#files[@]} files < <(find selftests -type f ! -path 'selftests/arch/*' \
	! -path selftests/host/test_arch.sh ! -name '*.md' ! -name '*.svg' ! -name '*.pyc')

words=('__(x86_64|i386|aarch64|arm)__' x86 x86_64 amd64 i386 i686 x32 'ia32\w*'
	arm arm64 aarch64 s390x? ppc64\(el\|le\)? riscv64 loong64
	'EM_[A-Z0-9_]+' 'ELFDATA2[LM]SB' 'endbr(32|64)?' int3 int1 sysenter
	'[re](ax|bx|cx|dx|ip|sp|bp|si|di)' 'r(8|9|1[0-5])d?' eflags
	user_regs_struct 'PTRACE_(GET|SET)REGS' 'PTRACE_(PEEK|POKE)USER' '__kernel_vsyscall' MAP_32BIT
	'(4096|8192|65536)U?L*' '0xfffU?L*'
	# which machines that came later do not have
	'(SYS|__NR)_(dup2|fork|open|pause|pipe|poll|select|time|vfork)')

# FILE|PATTERN|REASON: lines of that file with that pattern
exceptions=(
	'arch/*.h|"[a-z0-9]*/|chooses the port'
	'arch/*.h|defined\(__[a-z0-9_]*__\)|chooses the port'
	'arch/abi.h|ELFDATA2|the values have no names in the kernel'
	'arch/kmod.h|arm64, riscv|says what a port to these needs'
	'kmod/group.c|\[vvar_vclock\]|a name that only these kernels have'
	'include/uapi/linux/vdso_remap.h|^ \*|the table of machines, in words'
	'include/uapi/linux/vdso_remap.h|FEATURE_COMPAT|the ABI has had this name since version 1'
	'include/vdso_remap.h|\*|documentation that names examples'
	'dkms.conf|x86_64|where DKMS builds the module'
	'userspace/evict.c|VDSO_USER_OFFSET|only where a port says that it is needed'
	'userspace/internal.h|_PAGE|the smallest and the largest page of all machines'
	'userspace/*|-4096UL|errors are the last 4095 addresses'
	'userspace/vdsoctl/proxy.c|zeros\[4096\]|a buffer that divides pages of any size'
	'selftests/lib/memory.h|T_PAGE_MAX|the largest page of all machines'
	'selftests/host/test_refusal.sh|-amd64|names that kernels of distributions have'
)

# Is FILE LINE an exception? Then it is counted.
declare -A used
is_exception()
{
	local exception file pattern
	for exception in "${exceptions[@]}"; do
		IFS='|' read -r file pattern _ <<<"$exception"
		# shellcheck disable=SC2053 # a pattern
		if [[ $1 == $file ]] && grep -Eq -e "$pattern" <<<"$2"; then
			used[$exception]=$((${used[$exception]:-0} + 1))
			return
		fi
	done
	return 1
}

all=$(IFS='|' && echo "${words[*]}")
found=
while IFS=: read -r file line text; do
	is_exception "$file" "$text" || found+="# $file:$line: $text"$'\n'
done < <(grep -nEw -e "$all" "${files[@]}")

unused=
for exception in "${exceptions[@]}"; do
	IFS='|' read -r file pattern reason <<<"$exception"
	if [ -n "${used[$exception]:-}" ]; then
		echo "# exception: $file, $pattern: ${used[$exception]} lines: $reason"
	else
		unused+="# $exception"$'\n'
	fi
done

echo 1..2
printf '%s' "$found"
echo "${found:+not }ok 1 nothing outside of the ports names a machine"
printf '%s' "$unused"
echo "${unused:+not }ok 2 every exception is needed"
[ -z "$found$unused" ]
