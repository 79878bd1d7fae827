// SPDX-License-Identifier: MIT
/* vdsoctl: where the bytes of a vDSO come from. */
#include "vdsoctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/program.h"

const char *image_abi_names(void)
{
	static char names[128];
	unsigned int abi;
	size_t len = 0;

	for (abi = 1; abi < VDSO_NR_ABIS; abi++)
		if (vdso_abi_row(abi)->bits)
			len += snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
					vdso_remap_abi_name(abi));
	return names;
}

int image_complain(const char *what, int err)
{
	switch (err) {
	case -ENOEXEC:
		return complain("%s is no vDSO: not an ELF shared object, or a damaged one. "
				"'vdsoctl dump-image' makes proper ones", what);
	case -EALREADY:
		return complain("%s is a parked runtime vDSO: a mark stands where its ELF header "
				"was. Take the vDSO of a process that is not proxied", what);
	case -EOPNOTSUPP:
		return complain("%s is for an ABI that this vdsoctl does not know: it takes "
				"vDSOs of %s, from 'vdsoctl dump-image'", what,
				image_abi_names());
	case -ENOSYS:
		return complain("%s has no function symbols: is it a vDSO? 'vdsoctl dump-image' "
				"makes proper ones", what);
	case -E2BIG:
	case -EOVERFLOW:
		return complain("%s is too large, or has more than %d function symbols: is it a "
				"vDSO? 'vdsoctl dump-image' makes proper ones", what,
				VDSO_REMAP_MAX_ENTRY_POINTS);
	default:
		return complain("can't read %s: %s", what, strerror(-err));
	}
}

static int read_all(int fd, char *data, size_t size)
{
	ssize_t n;

	while (size) {
		n = read(fd, data, size);
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;	/* it was longer a moment ago */
		data += n;
		size -= n;
	}
	return 0;
}

static int read_file(const char *path, void **data, size_t *size)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct stat st;
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if ((uint64_t)st.st_size > VDSO_REMAP_MAX_IMAGE_SIZE)
		ret = -E2BIG;
	else if (!st.st_size)
		ret = -ENOEXEC;
	if (ret)
		goto out_close;

	/* A vDSO is mapped by pages: what is missing in the last one is zero. */
	*size = (st.st_size + page - 1) & -page;
	*data = calloc(1, *size);
	ret = *data ? read_all(fd, *data, st.st_size) : -ENOMEM;
out_close:
	close(fd);
	return ret;
}

static int parse(struct vdso_remap_image *image, const void *text, size_t size)
{
	*image = (struct vdso_remap_image)VDSO_REMAP_INIT(*image);
	return vdso_remap_parse(image, text, size);
}

int image_from_file(struct vdso_remap_image *image, const char *path)
{
	void *data = NULL;
	size_t size = 0;
	int ret;

	ret = read_file(path, &data, &size);
	if (!ret)
		ret = parse(image, data, size);
	return ret ? image_complain(path, ret) : 0;
}

int image_from_process(struct vdso_remap_image *image, pid_t pid,
		       const struct vdso_remap_range *range)
{
	size_t size = range->end - range->start;
	char what[96];
	void *text;
	int ret;

	snprintf(what, sizeof(what), "what is at 0x%" PRIx64 " in process %d", range->start, pid);
	text = malloc(size);
	ret = text ? vdso_remap_read(pid, range, text) : -ENOMEM;
	if (!ret)
		ret = parse(image, text, size);
	if (!ret)
		return 0;
	free(text);
	return image_complain(what, ret);
}

/* Parses the vDSO of a process that still has what the kernel gave it; complains. */
static int image_of_fresh_process(struct vdso_remap_image *image, pid_t pid, enum vdso_abi abi)
{
	const char *param = vdso_abi_boot_param(abi);
	const struct mapping *text;
	struct maps maps;
	int ret;

	ret = maps_read(&maps, pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s. Is /proc mounted?", pid,
				strerror(-ret));
	text = maps_named(&maps, "[vdso]");
	if (text)
		ret = image_from_process(image, pid,
					 &(struct vdso_remap_range){ text->start, text->end });
	else
		ret = param ? complain("process %d has no vDSO: was the kernel booted with %s=0?",
				       pid, param) :
			      complain("process %d has no vDSO", pid);
	maps_free(&maps);
	return ret;
}

int image_runtime(struct vdso_remap_image *runtime, const struct vdso_remap_image *image)
{
	pid_t pid;
	int ret;

	if (image->abi == VDSO_ABI_NATIVE)
		return image_of_fresh_process(runtime, getpid(), image->abi);
	pid = fresh_start(image->abi);
	if (pid < 0)
		return -1;
	ret = image_of_fresh_process(runtime, pid, image->abi);
	fresh_end(pid);
	return ret;
}

bool image_same_build_id(const struct vdso_remap_image *image,
			 const struct vdso_remap_info *info)
{
	return image->build_id_size && image->build_id_size == info->build_id_size &&
	       !memcmp(image->build_id, info->build_id, image->build_id_size);
}

const char *image_build_id(char *buf, const uint8_t *id, size_t size)
{
	size_t i;

	strcpy(buf, "none");
	for (i = 0; i < size; i++)
		sprintf(buf + 2 * i, "%02x", id[i]);
	return buf;
}

int image_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
	       const struct vdso_remap_image *runtime, uint32_t flags)
{
	int ret;

	*plan = (struct vdso_remap_plan)VDSO_REMAP_INIT(*plan);
	ret = vdso_remap_make_plan(plan, image, runtime, flags);
	switch (ret) {
	case 0:
		return 0;
	case -EXDEV:
		return complain("the image is an %s vDSO, but the runtime vDSO is an %s one",
				vdso_remap_abi_name(image->abi), vdso_remap_abi_name(runtime->abi));
	case -ENOTSUP:
		return complain("the image has an entry point %s that the runtime vDSO lacks and "
				"of which nothing is known. If the program never calls it, give "
				"--allow-unknown", image->entry_points[plan->culprit].name);
	case -ENOSPC:
		return complain("the image's entry point %s has only %u bytes of room: too few "
				"for a jump", image->entry_points[plan->culprit].name,
				image->entry_points[plan->culprit].room);
	default:
		return complain("can't plan: %s", strerror(-ret));
	}
}
