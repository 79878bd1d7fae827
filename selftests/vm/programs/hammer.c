// SPDX-License-Identifier: GPL-2.0
/*
 * Uses the device until it is gone: opens it, asks, moves the own vDSO to and
 * fro, makes a page a proxy, in turns its own and that of a child that it
 * traces, closes it. With the argument "keep" it opens it once and goes on until
 * it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vdso_remap.h>

/* Two places that nothing else takes. */
#define PLACE(n)	(0x10000000000ULL + (n) * 0x1000000ULL)

#define IMAGE		0x20000000000ULL
#define IMAGE_SIZE	((size_t)sysconf(_SC_PAGESIZE))

/* Stopped; a worker of the module acts on it. */
static pid_t child;

static bool prepare(void)
{
	int status;

	if (mmap((void *)IMAGE, IMAGE_SIZE, PROT_READ | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)IMAGE)
		return false;
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
	       !ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
}

/* libc's idea of where the vDSO is gets wrong: only system calls from here on. */
static int use(int fd, unsigned int turn)
{
	struct vdso_remap_info info = { .size = sizeof(info) };
	struct vdso_remap_move move = { .size = sizeof(move), .addr = PLACE(turn % 2) };
	struct vdso_remap_site site = {
		.room = 64,
		.kind = VDSO_REMAP_SITE_STUB,
		.target = VDSO_REMAP_STUB_GETTIMEOFDAY,
	};
	struct vdso_remap_proxy proxy = {
		.size = sizeof(proxy),
		.pid = turn % 2 ? child : 0,
		.nr_sites = 1,
		.sites = (uintptr_t)&site,
		.image = IMAGE,
		.image_size = IMAGE_SIZE,
	};

	if (ioctl(fd, VDSO_REMAP_GET_INFO, &info) || ioctl(fd, VDSO_REMAP_MOVE, &move) ||
	    ioctl(fd, VDSO_REMAP_PROXY, &proxy))
		return errno;
	return info.state & VDSO_REMAP_STATE_PRESENT ? 0 : ENOENT;
}

static long now_us(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

int main(int argc, char *argv[])
{
	bool keep = argc > 1 && !strcmp(argv[1], "keep");
	int fd = -1, error = 0;
	unsigned int turn;
	long begin;

	if (!prepare()) {
		dprintf(STDOUT_FILENO, "no page or no child: %s\n", strerror(errno));
		return 1;
	}
	for (turn = 0; !error; turn++) {
		begin = now_us();
		if (fd < 0)
			fd = open("/dev/vdso_remap", O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			error = errno;
			break;
		}
		error = use(fd, turn);
		if (!turn)
			dprintf(STDOUT_FILENO, "using it\n");
		if (!keep) {
			close(fd);
			fd = -1;
			/* or there would be no moment in which it is free */
			usleep(1000 + now_us() - begin);
		}
	}
	/* ENOENT, ENXIO: the module has left, which is how this ends. */
	if (!keep && fd < 0 && (error == ENOENT || error == ENXIO || error == ENODEV)) {
		dprintf(STDOUT_FILENO, "%u turns\n", turn);
		return 0;
	}
	dprintf(STDOUT_FILENO, "turn %u: %s\n", turn, strerror(error));
	return 1;
}
