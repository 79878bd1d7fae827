// SPDX-License-Identifier: GPL-2.0
/*
 * An x32 process and its own vDSO. Without a libc, which there is none of: test_x32
 * starts it. Its exit status is the number of the first claim that does not
 * hold, or 0.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include <linux/vdso_remap.h>

/* Those that differ from x86_64's have numbers of their own. */
enum {
	NR_open = 0x40000002,
	NR_mmap = 0x40000009,
	NR_munmap = 0x4000000b,
	NR_exit = 0x4000003c,
	NR_clock_gettime = 0x400000e4,
	NR_ioctl = 0x40000202,
};

#define CLOCK_MONOTONIC	1
#define PLACE		0x40000000U
#define IMAGE		0x50000000U
#define PAGE		4096
#define PROT_READ_EXEC	5

struct x32_timespec {
	long long sec;
	long long nsec;
};

/* Pointers, which have 32 bits, are extended with zeros. */
static long long sys(unsigned long nr, unsigned long a, unsigned long b, unsigned long c,
		     unsigned long d, unsigned long e)
{
	register unsigned long long r10 __asm__("r10") = d;
	register unsigned long long r8 __asm__("r8") = e;
	register unsigned long long r9 __asm__("r9") = 0;
	long long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"((unsigned long long)nr), "D"((unsigned long long)a),
			   "S"((unsigned long long)b), "d"((unsigned long long)c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static int fd;

static int ask(unsigned long command, void *req)
{
	return sys(NR_ioctl, fd, command, (long)req, 0, 0);
}

static struct vdso_remap_info info;

static bool has_group_at(__u64 text)
{
	info.size = sizeof(info);
	return !ask(VDSO_REMAP_GET_INFO, &info) && info.machine == EM_X86_64 &&
	       info.state & VDSO_REMAP_STATE_PRESENT && info.vdso == text &&
	       info.areas[info.nr_areas - 1].start == text;
}

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* A function of the vDSO there, which is a 32-bit ELF file. */
static void *find(unsigned long text, const char *name)
{
	const struct elf32_hdr *ehdr = (void *)text;
	const struct elf32_shdr *shdr = (void *)(text + ehdr->e_shoff);
	unsigned int i, nr;

	for (i = 0; i < ehdr->e_shnum; i++) {
		const struct elf32_sym *sym = (void *)(text + shdr[i].sh_offset);
		const char *names = (void *)(text + shdr[shdr[i].sh_link].sh_offset);

		if (shdr[i].sh_type != SHT_DYNSYM)
			continue;
		for (nr = shdr[i].sh_size / sizeof(*sym); nr; nr--, sym++) {
			if (equal(names + sym->st_name, name))
				return (void *)(text + sym->st_value);
		}
	}
	return NULL;
}

static bool tells_the_time(unsigned long text)
{
	int (*gettime)(int clock, struct x32_timespec *ts) = find(text, "__vdso_clock_gettime");
	struct x32_timespec ts[3];
	long long ns[3];
	int i;

	if (!gettime)
		return false;
	sys(NR_clock_gettime, CLOCK_MONOTONIC, (long)&ts[0], 0, 0, 0);
	if (gettime(CLOCK_MONOTONIC, &ts[1]))
		return false;
	sys(NR_clock_gettime, CLOCK_MONOTONIC, (long)&ts[2], 0, 0, 0);
	for (i = 0; i < 3; i++)
		ns[i] = ts[i].sec * 1000000000 + ts[i].nsec;
	return ns[0] <= ns[1] && ns[1] <= ns[2];
}

static int claim;

static void must(bool holds)
{
	claim++;
	if (!holds)
		sys(NR_exit, claim, 0, 0, 0, 0);
}

static void check(void)
{
	static struct vdso_remap_move move = { .size = sizeof(move) };
	static struct vdso_remap_map map = { .size = sizeof(map), .addr = PLACE };
	static struct vdso_remap_site site = {
		.room = 16, .kind = VDSO_REMAP_SITE_STUB, .target = VDSO_REMAP_STUB_TIME,
	};
	static struct vdso_remap_proxy proxy = {
		.size = sizeof(proxy), .nr_sites = 1, .image = IMAGE, .image_size = PAGE,
	};
	unsigned int i;

	fd = sys(NR_open, (long)"/dev/vdso_remap", O_RDWR, 0, 0, 0);
	must(fd >= 0);
	info.size = sizeof(info);
	must(!ask(VDSO_REMAP_GET_INFO, &info));
	must(has_group_at(info.vdso));						/* 3 */
	must(tells_the_time(info.vdso));

	move.addr = 1ULL << 32;
	must(ask(VDSO_REMAP_MOVE, &move) == -EINVAL);
	must(has_group_at(info.vdso));						/* 6 */
	move.addr = PLACE;
	must(!ask(VDSO_REMAP_MOVE, &move));
	must(has_group_at(PLACE));						/* 8 */
	must(tells_the_time(PLACE));

	proxy.sites = (unsigned long)&site;
	must(sys(NR_mmap, IMAGE, PAGE, PROT_READ_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1) == IMAGE);
	must(ask(VDSO_REMAP_PROXY, &proxy) == -EOPNOTSUPP);			/* 11 */
	must(has_group_at(PLACE));

	for (i = 0; i < info.nr_areas; i++)
		sys(NR_munmap, info.areas[i].start, info.areas[i].size, 0, 0, 0);
	must(!ask(VDSO_REMAP_MAP, &map));					/* 13 */
	must(has_group_at(PLACE));
	must(tells_the_time(PLACE));
}

void __attribute__((force_align_arg_pointer)) _start(void)
{
	check();
	sys(NR_exit, 0, 0, 0, 0, 0);
}
