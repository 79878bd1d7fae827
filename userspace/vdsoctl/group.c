// SPDX-License-Identifier: MIT
/* vdsoctl: the vDSO group of a process, by the library and the device. */
#include "vdsoctl.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

int group_complain(const struct vdso_remap_error *error, const char *what)
{
	char text[512];

	vdso_remap_error_text(error, text, sizeof(text));
	return complain("%s%s%s", what, *what ? ": " : "", text);
}

int group_open_device(void)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_MODULE);
	int fd = vdso_remap_open();

	if (fd >= 0)
		return fd;
	error.error = fd;
	return group_complain(&error, "");
}

int group_query(int fd, pid_t pid, struct vdso_remap_status *status)
{
	*status = (struct vdso_remap_status)VDSO_REMAP_INIT(*status);
	return vdso_remap_query(fd, pid == getpid() ? 0 : pid, status);
}

int group_look(int fd, pid_t pid, struct vdso_remap_status *status)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_QUERY,
							.pid = pid);

	error.error = group_query(fd, pid, status);
	if (!error.error)
		return 0;
	if (error.error == -ENOENT && fd < 0)
		return complain("there is no process %d", pid);
	return group_complain(&error, "can't look at the vDSO");
}

int group_move(int fd, pid_t pid, uint64_t addr, uint32_t flags)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_MOVE,
							.pid = pid, .addr = addr);
	struct vdso_remap_move move = {
		.size = sizeof(move),
		.flags = flags,
		.pid = pid,
		.addr = addr,
	};

	if (!ioctl(fd, VDSO_REMAP_MOVE, &move))
		return 0;
	error.error = -errno;
	error.tid = move.busy_tid;
	return group_complain(&error, "can't move the vDSO");
}
