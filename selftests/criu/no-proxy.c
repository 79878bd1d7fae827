// SPDX-License-Identifier: GPL-2.0
/*
 * no-proxy ARG...: runs the program in $CRIU, for which the module makes no vDSO a proxy:
 * the ioctl fails with EIO.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vdso_remap.h>

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VDSO_REMAP_PROXY, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
	const struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	if (!argc || !getenv("CRIU"))
		return 2;
	argv[0] = getenv("CRIU");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)) {
		perror("no-proxy");
		return 1;
	}
	execvp(argv[0], argv);
	perror(argv[0]);
	return 1;
}
