// SPDX-License-Identifier: GPL-2.0
/*
 * Uses the device until it is gone: opens it, asks, moves
 * the own vDSO to and fro, closes it. With the argument "keep" it opens it once
 * and goes on until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vdso_remap.h>

/* Two places that nothing else takes. */
#define PLACE(n)	(0x10000000000ULL + (n) * 0x1000000ULL)

/* libc's idea of where the vDSO is gets wrong: only system calls from here on. */
static int use(int fd, unsigned int turn)
{
	struct vdso_remap_info info = { .size = sizeof(info) };
	struct vdso_remap_move move = { .size = sizeof(move), .addr = PLACE(turn % 2) };

	if (ioctl(fd, VDSO_REMAP_GET_INFO, &info) || ioctl(fd, VDSO_REMAP_MOVE, &move))
		return errno;
	return info.state & VDSO_REMAP_STATE_PRESENT ? 0 : ENOENT;
}

int main(int argc, char *argv[])
{
	bool keep = argc > 1 && !strcmp(argv[1], "keep");
	int fd = -1, error = 0;
	unsigned int turn;

	for (turn = 0; !error; turn++) {
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
			usleep(1000);	/* or there would be no moment in which it is free */
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
