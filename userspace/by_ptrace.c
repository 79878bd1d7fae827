// SPDX-License-Identifier: MIT
/*
 * Makes the image of another process a proxy without the module: what the module's
 * PROXY with MARK does, by ptrace. The threads stand still, so nobody sees the middle
 * but who reads the memory from outside. A failure puts back what was there; only the
 * tracer's own death leaves a half.
 */
#include <errno.h>
#include <sys/ptrace.h>

#include "arch/encode.h"
#include "internal.h"
#include "syscall.h"

#define WORD	sizeof(long)

/* Bytes that are to be written somewhere, and what is there. */
struct change {
	uint64_t addr;
	uint32_t size;
	uint8_t bytes[VDSO_ENCODE_MAX + sizeof(struct vdso_remap_mark)];
	uint8_t old[VDSO_ENCODE_MAX + sizeof(struct vdso_remap_mark)];
};

/* By whole words, which is how ptrace writes; pages may be read-only. */
static int poke(int32_t tid, uint64_t addr, const uint8_t *bytes, uint32_t size)
{
	uint64_t at = addr & ~(uint64_t)(WORD - 1);
	unsigned long word;
	uint32_t i;
	long ret;

	for (; at < addr + size; at += WORD) {
		ret = sys_ptrace(PTRACE_PEEKDATA, tid, at, &word);
		if (ret < 0)
			return ret;
		for (i = 0; i < WORD; i++)
			if (at + i >= addr && at + i < addr + size)
				((uint8_t *)&word)[i] = bytes[at + i - addr];
		ret = sys_ptrace(PTRACE_POKEDATA, tid, at, (void *)word);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int prepare_site(const struct vrl_by_ptrace *in, const struct vdso_remap_site *site,
			struct change *change)
{
	const uint8_t *old = vrl_bytes_at(in->image, site->off);
	uint64_t addr = in->args->image + site->off;
	enum vdso_abi abi = in->image->abi;
	uint32_t i;

	change->addr = vdso_abi_code(abi, addr);
	change->size = site->kind == VDSO_REMAP_SITE_STUB ?
		vdso_encode_stub(abi, change->bytes, old, site->room, addr, site->target) :
		vdso_encode_jump(abi, change->bytes, old, site->room, addr,
				 in->runtime + site->target);
	__builtin_memcpy(change->old, old, change->size);
	if (change->size)
		return 0;
	for (i = 0; in->image->entry_points[i].off != site->off; i++)
		;
	__builtin_memcpy(in->error->entry_point, in->image->entry_points[i].name,
			 __builtin_strlen(in->image->entry_points[i].name) + 1);
	return -ENOSPC;
}

/* A thread that stands inside of what is written, or of a longer jump that is there now. */
static bool is_in_the_way(const struct vrl_by_ptrace *in, const struct vdso_remap_site *site,
			  uint32_t size, uint64_t ip)
{
	const uint8_t *old = vrl_bytes_at(in->image, site->off);
	uint64_t addr = in->args->image + site->off;
	uint32_t old_size = vdso_decode_jump(in->image->abi, old, site->room, addr).size;

	addr = vdso_abi_code(in->image->abi, addr);
	return ip > addr && ip < addr + (old_size > size ? old_size : size);
}

/* Returns 1 if the thread can be traced, 0 if it has ended, or an error. */
static long check_thread(const struct vrl_by_ptrace *in, int32_t tid, const struct change *changes)
{
	struct vdso_regs regs;
	enum vdso_abi abi;
	uint32_t i;
	long ret;

	in->error->tid = tid;
	ret = vrl_read_regs(tid, &regs, &abi);
	if (ret == -ESRCH && vrl_thread_status(tid, "State:") == 'Z')	/* the first one may */
		return 0;
	if (ret < 0)
		return ret;
	for (i = 0; i < in->plan->nr_sites; i++)
		if (is_in_the_way(in, &in->plan->sites[i], changes[i].size,
				  vdso_regs_get(&regs, VDSO_REG_IP)))
			return -EBUSY;
	in->error->tid = 0;
	return 1;
}

/* All threads stand still, and outside of the sites. tid is one by which to write. */
static int check_threads(const struct vrl_by_ptrace *in, const struct change *changes, int32_t *tid)
{
	struct vrl_tasks tasks = { .fd = vrl_open_proc(in->args->pid, "/task") };
	int32_t next;
	long ret;

	if (tasks.fd < 0)
		return tasks.fd;
	*tid = 0;
	while ((ret = vrl_next_task(&tasks, &next)) > 0) {
		ret = check_thread(in, next, changes);
		if (ret < 0)
			break;
		if (ret)
			*tid = next;
	}
	sys_close(tasks.fd);
	if (ret < 0)
		return ret;
	return *tid ? 0 : -ESRCH;
}

/* As the module asks for: private, anonymous memory that is executable. It may have a name. */
static bool is_fit(const struct vrl_mapping *mapping)
{
	return !mapping->is_file && mapping->perms[3] == 'p' && mapping->perms[2] == 'x' &&
	       (!mapping->name[0] || vdso_name_has_prefix(mapping->name, "[anon:"));
}

static int check_image(const struct vrl_by_ptrace *in)
{
	uint64_t addr = in->args->image, end = addr + in->args->image_size;
	struct vrl_lines maps = { .fd = vrl_open_proc(in->args->pid, "/maps") };
	struct vrl_mapping mapping;
	int ret;

	if (maps.fd < 0)
		return maps.fd;
	while (addr < end && (ret = vrl_next_mapping(&maps, &mapping)) > 0) {
		if (mapping.end <= addr)
			continue;
		if (mapping.start > addr)
			break;
		if (!is_fit(&mapping)) {
			sys_close(maps.fd);
			return -EACCES;
		}
		addr = mapping.end;
	}
	sys_close(maps.fd);
	return addr >= end ? 0 : -EFAULT;
}

static int prepare_mark(const struct vrl_by_ptrace *in, struct change *change)
{
	const struct vdso_remap_mark mark = {
		.signature = VDSO_REMAP_MARK_SIGNATURE,
		.image = in->args->image,
		.version = VDSO_REMAP_MARK_VERSION,
		.image_data = in->args->image_data ? in->args->image_data :
						     VDSO_REMAP_MARK_NO_ADDR,
		.runtime_data = in->runtime_data,
	};

	change->addr = in->runtime;
	change->size = sizeof(mark);
	__builtin_memcpy(change->bytes, &mark, sizeof(mark));
	return vrl_read(in->args->pid, change->addr, change->old, change->size);
}

static int make_changes(int32_t tid, const struct change *changes, uint32_t nr)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < nr; i++)
		ret = poke(tid, changes[i].addr, changes[i].bytes, changes[i].size);
	/* The last one may be half written. */
	while (ret && i-- > 0)
		poke(tid, changes[i].addr, changes[i].old, changes[i].size);
	return ret;
}

int vrl_proxy_by_ptrace(const struct vrl_by_ptrace *in)
{
	struct change changes[VDSO_REMAP_MAX_ENTRY_POINTS + 1];
	uint32_t nr;
	int32_t tid;
	int ret;

	ret = check_image(in);
	for (nr = 0; !ret && nr < in->plan->nr_sites; nr++)
		ret = prepare_site(in, &in->plan->sites[nr], &changes[nr]);
	if (!ret && !(in->args->flags & VDSO_REMAP_NO_MARK))
		ret = prepare_mark(in, &changes[nr++]);
	if (!ret)
		ret = check_threads(in, changes, &tid);
	return ret ?: make_changes(tid, changes, nr);
}
