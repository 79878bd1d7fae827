// SPDX-License-Identifier: MIT
/* vdsoctl: where the bytes of a vDSO come from. */
#include "vdsoctl.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../internal.h"
#include "vdso_abi.h"

#define PAGE_SIZE	4096UL

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
		return complain("%s is for a machine that this vdsoctl does not know: it takes "
				"vDSOs of x86_64 kernels, from 'vdsoctl dump-image'", what);
	case -ENOSYS:
		return complain("%s has no function symbols: is it a vDSO? 'vdsoctl dump-image' "
				"makes proper ones", what);
	case -E2BIG:
		return complain("%s is too large, or has more than %d function symbols: is it a "
				"vDSO? 'vdsoctl dump-image' makes proper ones", what,
				VDSO_REMAP_MAX_ENTRY_POINTS);
	default:
		return complain("can't read %s: %s", what, strerror(-err));
	}
}

static void restore_header64(void *data)
{
	static const Elf64_Ehdr lost = {
		.e_ident = {
			ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT
		},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
	};

	memcpy(data, &lost, offsetof(Elf64_Ehdr, e_shoff));
}

/* Where the sections are is lost. */
static void restore_header32(void *data)
{
	static const Elf32_Ehdr lost = {
		.e_ident = {
			ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT
		},
		.e_type = ET_DYN,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf32_Ehdr),
	};
	Elf32_Ehdr header;

	memcpy(&header, data, sizeof(header));
	memcpy(&header, &lost, offsetof(Elf32_Ehdr, e_shoff));
	header.e_shnum = 0;
	memcpy(data, &header, sizeof(header));
}

/*
 * A marked vDSO has lost its ELF header, but not its tables, and what a vDSO's
 * header says up to e_phoff is always the same. Its own size is behind that.
 */
static void restore_header(void *data, size_t size)
{
	struct vr_mark mark;
	Elf32_Ehdr header32;
	Elf64_Ehdr header64;

	if (size < sizeof(header64) || !vr_read_mark(&mark, data, size) ||
	    mark.version != VDSO_REMAP_MARK_VERSION)
		return;
	memcpy(&header64, data, sizeof(header64));
	memcpy(&header32, data, sizeof(header32));
	if (header64.e_ehsize == sizeof(header64))
		restore_header64(data);
	else if (header32.e_ehsize == sizeof(header32))
		restore_header32(data);
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
	struct stat st;
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if (st.st_size > VDSO_REMAP_MAX_IMAGE_SIZE)
		ret = -E2BIG;
	else if (!st.st_size)
		ret = -ENOEXEC;
	if (ret)
		goto out_close;

	/* A vDSO is mapped by pages: what is missing in the last one is zero. */
	*size = (st.st_size + PAGE_SIZE - 1) & -PAGE_SIZE;
	*data = calloc(1, *size);
	ret = *data ? read_all(fd, *data, st.st_size) : -ENOMEM;
out_close:
	close(fd);
	return ret;
}

int image_from_file(struct vdso_remap_image *image, const char *path)
{
	void *data = NULL;
	size_t size = 0;
	int ret;

	ret = read_file(path, &data, &size);
	if (!ret)
		ret = vdso_remap_parse(image, data, size);
	return ret ? image_complain(path, ret) : 0;
}

int image_from_process(struct vdso_remap_image *image, pid_t pid, uint64_t addr, uint64_t size)
{
	char what[96];
	void *data;
	int ret;

	snprintf(what, sizeof(what), "what is at 0x%" PRIx64 " in process %d", addr, pid);
	if (size > VDSO_REMAP_MAX_IMAGE_SIZE)
		return image_complain(what, -E2BIG);
	data = malloc(size);
	if (!data)
		return image_complain(what, -ENOMEM);
	ret = process_read(pid, addr, data, size);
	if (!ret) {
		restore_header(data, size);
		ret = vdso_remap_parse(image, data, size);
	}
	return ret ? image_complain(what, ret) : 0;
}

/* A process that has what the kernel gave it; complains. */
static int image_of_fresh_process(struct vdso_remap_image *image, pid_t pid, const char *param)
{
	const struct mapping *text;
	struct maps maps;
	int ret;

	ret = maps_read(&maps, pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s. Is /proc mounted?", pid,
				strerror(-ret));
	text = maps_named(&maps, "[vdso]");
	if (text)
		ret = image_from_process(image, pid, text->start, text->end - text->start);
	else
		ret = complain("process %d has no vDSO: was the kernel booted with %s=0?", pid,
			       param);
	maps_free(&maps);
	return ret;
}

int image_runtime(struct vdso_remap_image *runtime, const struct vdso_remap_image *image)
{
	pid_t pid;
	int ret;

	switch (vdso_abi_of(image->machine, image->bits)) {
	case VDSO_ABI_X86_64:
		return image_of_fresh_process(runtime, getpid(), "vdso");
	case VDSO_ABI_I386:
		pid = specimen_start();
		if (pid < 0)
			return -1;
		ret = image_of_fresh_process(runtime, pid, "vdso32");
		specimen_end(pid);
		return ret;
	default:
		return complain("the image is an %s vDSO: of the running kernel's, vdsoctl knows "
				"that of x86_64 and that of i386 only", image_abi(image));
	}
}

const char *image_abi(const struct vdso_remap_image *image)
{
	switch (vdso_abi_of(image->machine, image->bits)) {
	case VDSO_ABI_X86_64:
		return "x86_64";
	case VDSO_ABI_I386:
		return "i386";
	default:	/* what else the library parses */
		return "x32";
	}
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

	ret = vdso_remap_plan(plan, image, runtime, flags);
	switch (ret) {
	case 0:
		return 0;
	case -EXDEV:
		return complain("the image is an %s vDSO, but the runtime vDSO is an %s one",
				image_abi(image), image_abi(runtime));
	case -ENOTSUP:
		if (plan->culprit == image->nr_entry_points)
			return complain("the image is an %s vDSO: nothing can be written there, "
					"only an identical one can take its place",
					image_abi(image));
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
