// SPDX-License-Identifier: GPL-2.0
/* See proc.h. */
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/note.h"

int t_proc_open(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid ?: getpid(), name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		t_note("%s: %s", path, strerror(errno));
	return fd;
}

ssize_t t_proc_read(pid_t pid, const char *name, char *buf, size_t size)
{
	int fd = t_proc_open(pid, name, O_RDONLY);
	ssize_t ret = 1;
	size_t nr = 0;

	if (fd < 0)
		return -1;
	while (ret > 0 && nr < size - 1) {
		ret = read(fd, buf + nr, size - 1 - nr);
		nr += ret > 0 ? ret : 0;
	}
	close(fd);
	buf[nr] = 0;
	if (!ret)
		return nr;
	t_note("/proc/%d/%s: %s", pid, name, ret < 0 ? strerror(errno) : "too long");
	return -1;
}
