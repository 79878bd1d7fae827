// SPDX-License-Identifier: MIT
/* The device, and what belongs to every call of the library. */
#include <errno.h>
#include <fcntl.h>

#include "internal.h"
#include "syscall.h"

public_api uint32_t vdso_remap_library_version(void)
{
	return VDSO_REMAP_LIBRARY_VERSION;
}

public_api uint64_t vdso_remap_library_features(void)
{
	return __STDC_HOSTED__ ? VDSO_REMAP_LIBRARY_OTHER_PROCESS | VDSO_REMAP_LIBRARY_PTRACE : 0;
}

public_api int vdso_remap_open(void)
{
	return sys_open(VDSO_REMAP_DEVICE, O_RDWR | O_CLOEXEC);
}

int vrl_check_size(const uint32_t *size, uint32_t known)
{
	const uint8_t *bytes = (const uint8_t *)size;
	uint32_t i;

	if (*size < known)
		return -EINVAL;
	for (i = known; i < *size; i++)
		if (bytes[i])
			return -E2BIG;
	return 0;
}

int vrl_get_info(int fd, int32_t pid, struct vdso_remap_info *info)
{
	*info = (struct vdso_remap_info){ .size = sizeof(*info), .pid = pid };
	return sys_ioctl(fd, VDSO_REMAP_GET_INFO, info);
}

const struct vdso_remap_area *vrl_text_area(const struct vdso_remap_info *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++)
		if (info->areas[i].kind == VDSO_REMAP_AREA_TEXT)
			return &info->areas[i];
	return NULL;
}
