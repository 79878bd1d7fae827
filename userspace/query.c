// SPDX-License-Identifier: MIT
/* Asks whether a process is proxied: what a checkpoint wants to know. */
#include <errno.h>
#include <sys/uio.h>

#include "internal.h"
#include "syscall.h"

public_api int vdso_remap_query(int fd, int32_t pid, struct vdso_remap_status *status)
{
	const struct vdso_remap_area *text;
	struct vdso_remap_mark raw;
	struct vr_mark mark;
	struct iovec local = { .iov_base = &raw, .iov_len = sizeof(raw) };
	struct iovec remote = { .iov_len = sizeof(raw) };
	long ret;

	*status = (struct vdso_remap_status){ 0 };
	ret = vr_get_info(fd, pid, &status->info);
	if (ret)
		return ret;
	text = vr_text_area(&status->info);
	if (!text)
		return 0;

	if (!fits_long(text->start))
		return -EINVAL;
	/* Not a plain read, also at home: the pages may have been protected. */
	remote.iov_base = (void *)(uintptr_t)text->start;
	ret = sys_process_vm_readv(pid ? pid : sys_getpid(), &local, &remote);
	if (ret < 0 && ret != -EFAULT)
		return ret;
	/* What can't be read is not marked: CRIU looks at readable memory only. */
	if (ret != sizeof(raw) || !vr_read_mark(&mark, &raw, sizeof(raw)))
		return 0;
	status->proxied = true;
	status->mark_version = mark.version;
	status->image = mark.image;
	status->image_data = mark.image_data;
	return 0;
}
