// SPDX-License-Identifier: GPL-2.0
/* See memory.h. */
#include "lib/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/note.h"
#include "lib/proc.h"

uint64_t t_page_size(void)
{
	static uint64_t size;

	if (!size)
		size = sysconf(_SC_PAGESIZE);
	return size;
}

static bool at_mem(pid_t pid, uint64_t addr, void *buf, size_t size, bool write)
{
	int fd = t_proc_open(pid, "mem", write ? O_WRONLY : O_RDONLY);
	ssize_t ret;

	if (fd < 0)
		return false;
	ret = write ? pwrite(fd, buf, size, addr) : pread(fd, buf, size, addr);
	if (ret != (ssize_t)size)
		t_note("/proc/%d/mem at %" PRIx64 ": %s", pid, addr,
		       ret < 0 ? strerror(errno) : "short");
	close(fd);
	return ret == (ssize_t)size;
}

bool t_mem_read(pid_t pid, uint64_t addr, void *buf, size_t size)
{
	return at_mem(pid, addr, buf, size, false);
}

bool t_mem_write(pid_t pid, uint64_t addr, const void *buf, size_t size)
{
	return at_mem(pid, addr, (void *)buf, size, true);
}

static uint64_t read_pagemap(pid_t pid, uint64_t addr)
{
	int fd = t_proc_open(pid, "pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), addr / T_PAGE * sizeof(entry)) != sizeof(entry))
		t_note("/proc/%d/pagemap at %" PRIx64 ": %s", pid, addr, strerror(errno));
	close(fd);
	return entry;
}

#define PAGE_PRESENT	(1ULL << 63)
#define PAGE_SHARED	(1ULL << 61)

bool t_page_is_private(uint64_t addr)
{
	char byte;

	return t_mem_read(0, addr, &byte, 1) &&
	       (read_pagemap(0, addr) & (PAGE_PRESENT | PAGE_SHARED)) == PAGE_PRESENT;
}

uint64_t t_page_frame(pid_t pid, uint64_t addr)
{
	uint64_t entry = read_pagemap(pid, addr);

	return entry & PAGE_PRESENT ? entry & ((1ULL << 55) - 1) : 0;
}

uint64_t t_hole(uint64_t size)
{
	static uint64_t next = T_HOLES;
	uint64_t hole = next;
	void *map = mmap((void *)hole, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (map != (void *)hole) {
		t_note("no hole of %" PRIu64 " bytes: %s", size, strerror(errno));
		exit(1);
	}
	munmap(map, size);
	next += size + T_HOLE_DISTANCE;
	return hole;
}
