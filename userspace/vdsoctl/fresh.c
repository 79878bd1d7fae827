// SPDX-License-Identifier: MIT
/*
 * vdsoctl: a process of another ABI, to see what vDSO the running kernel gives
 * it. No compiler and no file is needed: the program is written here.
 */
#include "vdsoctl.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/program.h"

#define PROGRAM_NAME	"vdsoctl-fresh"

#ifndef MFD_EXEC
#define MFD_EXEC	0x10U	/* since 6.3; older kernels know no such flag */
#endif

#define LOAD_ADDR	0x08050000U	/* aligned to a page of any size */

/* A minimal 32-bit ELF file: every ABI but vdsoctl's own has these. */
struct program {
	Elf32_Ehdr ehdr;
	Elf32_Phdr phdr[2];
	unsigned char code[VDSO_EXIT_CODE_MAX];	/* is executed only if vdsoctl is killed */
};

static void make_program(struct program *program, enum vdso_abi abi)
{
	*program = (struct program){
		.ehdr = {
			.e_ident = {
				ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, VDSO_ELF_DATA,
				EV_CURRENT
			},
			.e_type = ET_EXEC,
			.e_machine = vdso_abi_row(abi)->machine,
			.e_version = EV_CURRENT,
			.e_entry = LOAD_ADDR + offsetof(struct program, code),
			.e_flags = VDSO_PROGRAM_FLAGS,
			.e_phoff = offsetof(struct program, phdr),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 2,
		},
		.phdr = {
			{
				.p_type = PT_LOAD,
				.p_flags = PF_R | PF_X,
				.p_vaddr = LOAD_ADDR,
				.p_filesz = sizeof(*program),
				.p_memsz = sizeof(*program),
				.p_align = 0x10000,
			}, {
				/* Without it the stack is executable, and the kernel says so. */
				.p_type = PT_GNU_STACK,
				.p_flags = PF_R | PF_W,
			},
		},
	};
	vdso_exit_code(abi, program->code);
}

/* The program as a file to execute, or -errno. */
static int open_program(enum vdso_abi abi)
{
	struct program program;
	int fd, err;

	fd = memfd_create(PROGRAM_NAME, MFD_CLOEXEC | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(PROGRAM_NAME, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	make_program(&program, abi);
	if (write(fd, &program, sizeof(program)) == sizeof(program))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

/* The child's side: becomes the program, or says why not by its exit status. */
static void __attribute__((noreturn)) become_program(int fd)
{
	char *const argv[] = { (char *)PROGRAM_NAME, NULL };
	char *const envp[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!ptrace(PTRACE_TRACEME, 0, 0, 0))
		fexecve(fd, argv, envp);
	_exit(errno);
}

/* 0 when the program is held, or -errno. */
static int wait_held(pid_t pid)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, 0) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? -WEXITSTATUS(status) : -ECHILD;
		if (!WIFSTOPPED(status))
			return -EINTR;	/* killed */
		if (WSTOPSIG(status) == SIGTRAP)
			return 0;
		if (ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status)))
			return -errno;
	}
}

static int start_program(enum vdso_abi abi, pid_t *pid)
{
	int fd, ret;

	fd = open_program(abi);
	if (fd < 0)
		return fd;
	*pid = fork();
	if (!*pid)
		become_program(fd);
	ret = *pid < 0 ? -errno : wait_held(*pid);
	close(fd);
	return ret;
}

pid_t fresh_start(unsigned int abi)
{
	const char *name = vdso_remap_abi_name(abi);
	pid_t pid = 0;
	int ret;

	if (vdso_abi_row(abi)->bits != 32)
		return complain("this vdsoctl can't start %s programs, to look at their vDSO: use "
				"one that is an %s program itself", name, name);
	ret = start_program(abi, &pid);
	switch (ret) {
	case 0:
		return pid;
	case -ENOEXEC:
		return complain("this kernel can't run %s programs, so it has no %s vDSO: %s",
				name, name, vdso_abi_hint(abi));
	case -EACCES:
		return complain("can't run a program from memory to look at its %s vDSO: not "
				"allowed. See the sysctl vm.memfd_noexec", name);
	case -EPERM:
		return complain("can't trace a child to look at its %s vDSO: not allowed. Is "
				"vdsoctl traced itself?", name);
	default:
		return complain("can't run a program to look at its %s vDSO: %s", name,
				strerror(-ret));
	}
}

void fresh_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
