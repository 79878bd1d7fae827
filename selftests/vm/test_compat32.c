// SPDX-License-Identifier: GPL-2.0
/*
 * What the module does for a 32-bit caller, and what not yet. Without a libc, so
 * that a 64-bit compiler is enough: gcc -m32 -nostdlib. TAP.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/elf-em.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/personality.h>
#include <linux/ptrace.h>

#include <linux/vdso_remap.h>

/* i386 system calls: the program's own headers are those of 64 bits. */
enum {
	NR_exit = 1,
	NR_fork = 2,
	NR_write = 4,
	NR_open = 5,
	NR_waitpid = 7,
	NR_execve = 11,
	NR_ptrace = 26,
	NR_kill = 37,
	NR_ioctl = 54,
	NR_personality = 136,
};

#define ADDR_LIMIT_3GB	0x8000000
#define SIGKILL		9

static long sys(long nr, long a, long b, long c, long d)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory");
	return ret;
}

static int fd;
static int number;

static void say(const char *text)
{
	long len = 0;

	while (text[len])
		len++;
	sys(NR_write, 1, (long)text, len, 0);
}

static void claim(bool ok, const char *name)
{
	char nr[] = "0 ";

	nr[0] += ++number;
	say(ok ? "ok " : "not ok ");
	say(nr);
	say(name);
	say("\n");
}

static struct vdso_remap_info info;

static bool get_info(int pid)
{
	info.size = sizeof(info);
	info.pid = pid;
	return !sys(NR_ioctl, fd, VDSO_REMAP_GET_INFO, (long)&info, 0) &&
	       info.state & VDSO_REMAP_STATE_PRESENT;
}

static long move(int pid, __u64 addr)
{
	static struct vdso_remap_move req = { .size = sizeof(req) };

	req.pid = pid;
	req.addr = addr;
	return sys(NR_ioctl, fd, VDSO_REMAP_MOVE, (long)&req, 0);
}

static long proxy(void)
{
	static struct vdso_remap_site site = {
		.room = 16, .kind = VDSO_REMAP_SITE_STUB, .target = VDSO_REMAP_STUB_TIME,
	};
	static struct vdso_remap_proxy req = {
		.size = sizeof(req), .nr_sites = 1, .image = 0x10000000, .image_size = 4096,
	};

	req.sites = (unsigned long)&site;
	return sys(NR_ioctl, fd, VDSO_REMAP_PROXY, (long)&req, 0);
}

/* A 64-bit program, stopped at its start. */
static int trace_64bit(void)
{
	static const char program[] = "/bin/true";
	static const char *const argv[] = { program, NULL };
	int pid = sys(NR_fork, 0, 0, 0, 0), status;

	if (!pid) {
		sys(NR_ptrace, PTRACE_TRACEME, 0, 0, 0);
		sys(NR_execve, (long)program, (long)argv, 0, 0);
		sys(NR_exit, 1, 0, 0, 0);
	}
	sys(NR_waitpid, pid, (long)&status, 0, 0);
	return pid;
}

/* To and from where the caller itself could have nothing. */
static bool moves_64bit(void)
{
	int pid = trace_64bit();
	bool ok;

	ok = get_info(pid) && info.machine == EM_X86_64 && info.vdso >> 32 &&
	     !move(pid, 0x10000000000) && get_info(pid) && info.vdso == 0x10000000000;
	sys(NR_kill, pid, SIGKILL, 0, 0);
	return ok;
}

static bool move_with_lower_limit_is_refused(void)
{
	__u64 vdso;

	if (!get_info(0))
		return false;
	vdso = info.vdso;
	sys(NR_personality, ADDR_LIMIT_3GB, 0, 0, 0);
	return move(0, 0x10000000) == -EOPNOTSUPP && get_info(0) && info.vdso == vdso;
}

void _start(void)
{
	fd = sys(NR_open, (long)"/dev/vdso_remap", O_RDWR, 0, 0);
	say("TAP version 13\n1..4\n");
	claim(get_info(0) && info.machine == EM_386, "a 32-bit caller is told about its vDSO");
	claim(proxy() == -EOPNOTSUPP, "PROXY has no encodings for it");
	claim(moves_64bit(), "it moves a 64-bit task's vDSO");
	claim(move_with_lower_limit_is_refused(), "but not its own with a lowered limit");
	sys(NR_exit, 0, 0, 0, 0);
}
