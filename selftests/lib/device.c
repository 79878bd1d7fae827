// SPDX-License-Identifier: GPL-2.0
/* See device.h. */
#include "lib/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/note.h"

int t_open(void)
{
	int fd = open(T_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	t_note(T_DEVICE ": %s; is the module loaded?", strerror(errno));
	exit(1);
}

int t_ioctl(int fd, unsigned long command, void *req)
{
	return ioctl(fd, command, req) < 0 ? -errno : 0;
}

long t_move_own(uint64_t addr)
{
	struct vdso_remap_move req = { .size = sizeof(req), .addr = addr };
	int fd = t_open();
	int ret = t_ioctl(fd, VDSO_REMAP_MOVE, &req);

	close(fd);
	return ret;
}
