// SPDX-License-Identifier: GPL-2.0
/* See timens.h. */
#include "lib/timens.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/note.h"
#include "lib/proc.h"

bool t_timens_exist(void)
{
	return !access("/proc/self/ns/time", F_OK);
}

bool t_timens_create(void)
{
	int fd;

	if (unshare(CLONE_NEWTIME)) {
		t_note("no time namespace: %s", strerror(errno));
		return false;
	}
	fd = t_proc_open(0, "timens_offsets", O_WRONLY);
	if (fd < 0)
		return false;
	if (dprintf(fd, "monotonic %ld 0\n", T_TIMENS_OFFSET) <= 0) {
		t_note("no offset for the time namespace: %s", strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

bool t_timens_enter(void)
{
	int fd = t_proc_open(0, "ns/time_for_children", O_RDONLY);
	int ret = setns(fd, CLONE_NEWTIME);

	close(fd);
	if (ret)
		t_note("can't enter the time namespace: %s", strerror(errno));
	return !ret;
}
