// SPDX-License-Identifier: MIT
/*
 * A vDSO that lies in a process, read from there: by what a checkpoint tool, which
 * must not trust it, and a tracer know of it.
 */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "internal.h"
#include "syscall.h"

int vrl_read(int32_t pid, uint64_t addr, void *buf, unsigned long size)
{
	struct iovec local = { .iov_base = buf, .iov_len = size };
	struct iovec remote = { .iov_len = size };
	long ret;

	if (!fits_long(addr))
		return -EINVAL;
	remote.iov_base = (void *)(uintptr_t)addr;
	ret = sys_process_vm_readv(pid ? pid : sys_getpid(), &local, &remote);
	if (ret < 0)
		return ret;
	return (unsigned long)ret == size ? 0 : -EFAULT;
}

static void rebuild_header64(void *text, uint16_t machine)
{
	const Elf64_Ehdr lost = {
		.e_ident = {
			ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, VDSO_ELF_DATA, EV_CURRENT
		},
		.e_type = ET_DYN,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
	};

	__builtin_memcpy(text, &lost, offsetof(Elf64_Ehdr, e_shoff));
}

/* Where the sections are is lost. */
static void rebuild_header32(void *text, uint16_t machine)
{
	const Elf32_Ehdr lost = {
		.e_ident = {
			ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, VDSO_ELF_DATA, EV_CURRENT
		},
		.e_type = ET_DYN,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf32_Ehdr),
	};
	Elf32_Ehdr header;

	__builtin_memcpy(&header, text, sizeof(header));
	__builtin_memcpy(&header, &lost, offsetof(Elf32_Ehdr, e_shoff));
	header.e_shoff = 0;	/* what the mark has left of it */
	header.e_shnum = 0;
	__builtin_memcpy(text, &header, sizeof(header));
}

static uint16_t machine_of(const void *text, size_t size, unsigned int bits)
{
	return vdso_abi_row(vdso_abi_of_text(text, size, bits))->machine;
}

/*
 * A marked vDSO has lost its ELF header, but not its tables, and what a vDSO's
 * header says up to e_phoff is always the same. Its own size is behind that.
 */
static void rebuild_header(void *text, size_t size)
{
	struct vrl_mark mark;
	Elf32_Ehdr header32;
	Elf64_Ehdr header64;

	if (size < sizeof(header64) || !vrl_read_mark(&mark, text, size))
		return;
	__builtin_memcpy(&header64, text, sizeof(header64));
	__builtin_memcpy(&header32, text, sizeof(header32));
	if (header64.e_ehsize == sizeof(header64))
		rebuild_header64(text, machine_of(text, size, 64));
	else if (header32.e_ehsize == sizeof(header32))
		rebuild_header32(text, machine_of(text, size, 32));
}

public_api int vdso_remap_read(int32_t pid, const struct vdso_remap_range *range, void *text)
{
	size_t size = range->end - range->start;
	int ret = vrl_read(pid, range->start, text, size);

	if (!ret)
		rebuild_header(text, size);
	return ret;
}

int vrl_copy_vdso(struct vdso_remap_image *copy, int32_t pid, uint64_t addr, uint64_t size)
{
	const struct vdso_remap_range range = { addr, addr + size };
	uint64_t scratch = 0;
	void *text;
	int ret;

	copy->text = NULL;
	if (!size || size > VDSO_REMAP_MAX_IMAGE_SIZE)
		return -ENOEXEC;
	ret = sys_mmap(&scratch, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	if (ret)
		return ret;
	text = (void *)(uintptr_t)scratch;
	ret = vdso_remap_read(pid, &range, text);
	if (!ret)
		ret = vdso_remap_parse(copy, text, size);
	if (ret) {
		sys_munmap(scratch, size);
		copy->text = NULL;
	}
	return ret;
}

void vrl_drop_copy(const struct vdso_remap_image *copy)
{
	if (copy->text)
		sys_munmap((uintptr_t)copy->text, copy->text_size);
}

/* The size that the ELF header speaks of: the sections' headers come last. */
static uint64_t claimed_size(const struct vdso_remap_image *image)
{
	Elf64_Ehdr header64;
	Elf32_Ehdr header32;

	if (image->bits == 64) {
		__builtin_memcpy(&header64, image->text, sizeof(header64));
		return header64.e_shoff + (uint64_t)header64.e_shnum * header64.e_shentsize;
	}
	__builtin_memcpy(&header32, image->text, sizeof(header32));
	return header32.e_shoff + (uint64_t)header32.e_shnum * header32.e_shentsize;
}

/* Parses what is from start to end. How much of it there should be is in *size; 0: unknown. */
static int try_image(int32_t pid, uint64_t start, uint64_t end, uint64_t *size)
{
	struct vdso_remap_image copy = VDSO_REMAP_INIT(copy);
	int ret = vrl_copy_vdso(&copy, pid, start, end - start);
	uint64_t page = vrl_page_size();

	if (!ret)
		*size = (claimed_size(&copy) + page - 1) & -page;
	vrl_drop_copy(&copy);
	return ret;
}

/*
 * If the text was split, its first mapping may be enough to be understood, or not; and
 * memory right behind it may be of the same kind, and so be in the same mapping.
 */
public_api int vdso_remap_find_image(int32_t pid, uint64_t addr,
				     struct vdso_remap_range *range)
{
	struct vrl_lines maps = { .fd = vrl_open_proc(pid, "/maps") };
	uint64_t most = addr + VDSO_REMAP_MAX_IMAGE_SIZE, end = addr, size = 0;
	struct vrl_mapping mapping;
	int ret, parsed, first = 1;

	*range = (struct vdso_remap_range){ addr, addr };
	if (maps.fd < 0)
		return maps.fd;
	while ((ret = vrl_next_mapping(&maps, &mapping)) > 0) {
		if (mapping.end <= addr)
			continue;
		if (mapping.start > end || end == most)
			break;
		end = mapping.end < most ? mapping.end : most;
		parsed = try_image(pid, addr, end, &size);
		if (first > 0)
			first = parsed;
		if (!parsed)
			range->end = size && size < end - addr ? addr + size : end;
		if (parsed ? parsed != -ENOEXEC : end - addr >= size)
			break;
	}
	sys_close(maps.fd);
	if (ret < 0)
		return ret;
	if (range->end > addr)
		return 0;
	return first > 0 ? -ENOENT : first;
}
