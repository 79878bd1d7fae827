// SPDX-License-Identifier: MIT
/* vdsoctl: the process whose vDSO a command changes. */
#include "vdsoctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void target_release(struct target *target)
{
	maps_free(&target->maps);
	tracees_release(&target->tracees);
	close(target->fd);
}

int target_take(struct target *target, pid_t pid)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_QUERY,
							.pid = pid);
	int ret;

	memset(target, 0, sizeof(*target));
	target->fd = group_open_device();
	if (target->fd < 0)
		return -1;
	if (tracees_stop_all(&target->tracees, pid)) {
		close(target->fd);
		return -1;
	}
	if (group_look(target->fd, pid, &target->status))
		goto err_let_go;
	if (!(target->status.info.state & VDSO_REMAP_STATE_PRESENT)) {
		error.error = target->status.info.nr_areas ? -EUCLEAN : -ENOENT;
		group_complain(&error, "can't move the vDSO");
		goto err_let_go;
	}
	ret = maps_read(&target->maps, pid);
	if (!ret)
		return 0;
	complain("can't read /proc/%d/maps: %s", pid, strerror(-ret));
err_let_go:
	target_release(target);
	return -1;
}

int target_evict(struct target *target)
{
	struct evicted evicted;

	if (tracees_evict(&target->tracees, &target->status, &evicted))
		return -1;
	if (evicted.nr_calling && !(target->status.flags & VDSO_REMAP_STATUS_PROXIED))
		return complain("%u of the threads of process %d are at a system call inside the "
				"vDSO, as 32-bit code makes them: they have to leave by "
				"themselves. Try again", evicted.nr_calling, target->tracees.pid);
	return 0;
}
