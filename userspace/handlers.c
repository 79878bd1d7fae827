// SPDX-License-Identifier: MIT
/*
 * Finds the signal handlers that a stopped thread is in, by what the kernel left on
 * its stack when they started.
 */
#include <errno.h>
#include <sys/uio.h>

#include "arch/frame.h"
#include "internal.h"
#include "syscall.h"

/* A part of a thread's memory; at most left more bytes are read */
struct window {
	int32_t tid;
	uint64_t start;
	unsigned int size, left;
	uint8_t bytes[VDSO_FRAME_SIZE + MIN_PAGE];
};

/* Reads on, up to the end of a page. Returns how much; 0: there is no more; or an error. */
static long read_on(struct window *window)
{
	uint64_t addr = window->start + window->size;
	struct iovec local = {
		.iov_base = window->bytes + window->size,
		.iov_len = MIN_PAGE - (addr & (MIN_PAGE - 1)),
	};
	struct iovec remote = { (void *)(uintptr_t)addr, local.iov_len };
	long ret;

	if (!fits_long(addr) || window->left < local.iov_len)
		return 0;
	ret = sys_process_vm_readv(window->tid, &local, &remote);
	if (ret < 0)
		return ret == -EFAULT ? 0 : ret;
	window->size += ret;
	window->left -= ret;
	return ret;
}

/* The next frame from addr on. Returns 1; 0: there is none; or an error. */
static long find_frame(struct window *window, enum vdso_abi abi, uint64_t addr,
		       struct vdso_frame *frame)
{
	unsigned int off = 0;
	long ret;

	window->start = addr;
	window->size = 0;
	for (;;) {
		for (; off + VDSO_FRAME_SIZE <= window->size; off += vdso_frame_align(abi))
			if (vdso_frame_read(abi, frame, window->bytes + off, window->start + off)) {
				window->start += off;
				return 1;
			}
		window->start += off;
		window->size -= off;
		__builtin_memmove(window->bytes, window->bytes + off, window->size);
		off = 0;
		ret = read_on(window);
		if (ret <= 0)
			return ret;
	}
}

public_api int vdso_remap_find_handlers(int32_t tid, const struct vdso_remap_range *ranges,
					unsigned int nr_ranges,
					struct vdso_remap_handler *handlers,
					unsigned int nr_handlers)
{
	struct window window = { .tid = tid, .left = VDSO_REMAP_STACK_MAX };
	struct vdso_frame frame = { 0 };
	unsigned int nr = 0;
	struct vdso_regs regs;
	enum vdso_abi abi;
	long ret;

	ret = vrl_read_regs(tid, &regs, &abi);
	if (ret < 0)
		return ret;
	frame.sp = vdso_regs_get(&regs, VDSO_REG_SP);
	while (nr < nr_handlers) {
		ret = find_frame(&window, abi, vdso_frame_first(abi, frame.sp), &frame);
		if (ret <= 0)
			return ret < 0 ? (int)ret : (int)nr;
		if (!vrl_is_inside(frame.ip, ranges, nr_ranges))
			continue;
		handlers[nr].frame = window.start;
		handlers[nr].addr = frame.ip;
		handlers[nr].at_syscall = vrl_is_at_call_return(tid, abi, frame.ip);
		nr++;
	}
	return nr;
}
