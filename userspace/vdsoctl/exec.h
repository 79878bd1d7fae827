/* SPDX-License-Identifier: MIT */
/* vdsoctl exec: what its files share. */
#ifndef _VDSOCTL_EXEC_H
#define _VDSOCTL_EXEC_H

#include "vdsoctl.h"

#include <signal.h>

#include "arch/regs.h"

/**
 * struct exec_job - what is to be done to the program
 * @fd: of the device, or -1 if the image is the runtime vDSO
 * @pid: the process that becomes the program
 * @flags: of vdso_remap_restore()
 * @image: what its vDSO is to be
 * @runtime: the running kernel's
 * @plan: from one to the other
 */
struct exec_job {
	int fd;
	pid_t pid;
	uint32_t flags;
	struct vdso_remap_image image;
	struct vdso_remap_image runtime;
	struct vdso_remap_plan plan;
};

/* exec-helper.c: the process that traces the program until it has its image */

/*
 * To be called by the tracer of the process. Waits for the program to be
 * executed, gives it the image, lets it go and exits.
 */
void exec_help(const struct exec_job *job) __attribute__((noreturn));

/* exec-inject.c: system calls made by a program before its first instruction */

/* The signal of a stop at the begin or the end of a system call, by PTRACE_O_TRACESYSGOOD */
#define SYSCALL_STOP	(SIGTRAP | 0x80)

/**
 * struct injection - a program that is held
 * @pid: of the program
 * @abi: the image's, which has to be the program's, too; @regs don't tell all ABIs apart
 * @regs: its registers as execve() left them
 * @sigmask: its blocked signals
 * @gone: it was killed; its process id may be another's now
 */
struct injection {
	pid_t pid;
	bool gone;
	enum vdso_abi abi;
	struct vdso_regs regs;
	uint64_t sigmask;
};

/*
 * From PTRACE_EVENT_EXEC on: holds the program at the end of execve(), with
 * its signals waiting. The begin of that system call must have been a stop.
 */
int inject_begin(struct injection *in, pid_t pid, enum vdso_abi abi);
/*
 * The offset of a system call instruction in a vDSO, with its vdso_abi_state_bits(); 0 if there
 * is none.
 */
uint64_t inject_find_insn(const struct injection *in, const void *text, size_t size);
/* @insn: the address of one, with these bits. Returns what the system call returns. */
int64_t inject_syscall(struct injection *in, uint64_t insn, enum vdso_call call,
		       const __u64 args[VDSO_NR_ARGS]);
/* Lets the program go as if nothing had been. */
int inject_end(struct injection *in);
/* Makes the program end with a status instead. */
void inject_exit(struct injection *in, int status);

/* exec-auxv.c: what a program will be told about its vDSO */

/* Where the text of the vDSO is, and in it the function for system calls, 0 if it has none. */
struct auxv_vdso {
	uint64_t text;
	uint64_t vsyscall;
};

/*
 * Replaces @old by @new in the auxiliary vector on the program's stack and, if
 * the program has the right to, in /proc/PID/auxv. Complains.
 */
int auxv_replace(struct injection *in, uint64_t insn, const struct auxv_vdso *old,
		 const struct auxv_vdso *new);

#endif /* _VDSOCTL_EXEC_H */
