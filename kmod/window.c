// SPDX-License-Identifier: GPL-2.0
/* A window: pages of a process, pinned, and mapped one after the other for the kernel to write. */
#include "internal.h"

#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "arch/kmod.h"

/*
 * To be called first; then vr_window_pin() for each page, then vr_window_open().
 * vr_window_close() also cleans up after a failure of any of them.
 */
int vr_window_alloc(struct vr_window *window, unsigned int max)
{
	window->pages = kvmalloc_array(max, sizeof(*window->pages), GFP_KERNEL);
	return window->pages ? 0 : -ENOMEM;
}

/*
 * Pinning for writing gives the process its own copy of a page, as a debugger's
 * write would; later forks copy pinned pages instead of sharing them.
 */
int vr_window_pin(struct vr_window *window, struct mm_struct *mm, unsigned long addr, bool force)
{
	long ret = vr_compat_pin_pages(mm, addr, 1, FOLL_WRITE | (force ? FOLL_FORCE : 0),
				       &window->pages[window->nr]);

	if (ret != 1)
		return ret ?: -EFAULT;
	window->nr++;
	return 0;
}

int vr_window_open(struct vr_window *window)
{
	window->addr = vmap(window->pages, window->nr, VM_MAP, PAGE_KERNEL);
	return window->addr ? 0 : -ENOMEM;
}

/* Writes code, or data in a page of code. It may be called with interrupts off. */
void vr_window_write(const struct vr_window *window, unsigned long off, const void *bytes,
		     unsigned int len)
{
	u8 *dst = window->addr + off;

	memcpy(dst, bytes, len);
	flush_kernel_vmap_range(dst, len);
	while (len) {
		unsigned int start = offset_in_page(off);
		unsigned int part = min_t(unsigned int, len, PAGE_SIZE - start);

		arch_vr_publish_code(window->pages[off >> PAGE_SHIFT], start, part);
		off += part;
		len -= part;
	}
}

void vr_window_close(struct vr_window *window)
{
	if (window->addr)
		vunmap(window->addr);
	if (window->nr)
		unpin_user_pages_dirty_lock(window->pages, window->nr, true);
	kvfree(window->pages);
	*window = (struct vr_window) {};
}
