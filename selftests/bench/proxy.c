// SPDX-License-Identifier: GPL-2.0
/* Installing a proxy, in two ways; see proxy.h. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/vdso.h"
#include "lib/regs.h"
#include "arch/encode.h"
#include "arch/program.h"
#include "arch/test.h"

/* A runtime vDSO that lacks all else: of that stubs are made. */
static void keep_only_clock_gettime(struct vdso_remap_image *runtime)
{
	uint32_t off = t_entry_point(T_VDSO "clock_gettime"), nr = 0;

	for (uint32_t i = 0; i < runtime->nr_entry_points; i++) {
		if (runtime->entry_points[i].off == off)
			runtime->entry_points[nr++] = runtime->entry_points[i];
	}
	runtime->nr_entry_points = nr;
}

static bool make_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
		      const struct vdso_remap_image *runtime)
{
	return !t_make_plan(plan, image, runtime, VDSO_REMAP_FORCE_PROXY);
}

void proxy_make(struct proxy *proxy)
{
	static struct vdso_remap_image image, runtime;
	size_t size;
	const uint8_t *bytes = t_vdso_image(&size);

	proxy->device = t_open();
	/* The next hole after the group's places is as near to them as a jump reaches. */
	group_learn(&proxy->group);
	if (t_parse(&image, bytes, size) ||
	    !t_image_map(&proxy->image, t_hole(size), bytes, size))
		bench_die("no image");
	runtime = image;
	keep_only_clock_gettime(&runtime);
	if (!make_plan(&proxy->plans[0], &image, &image) ||
	    !make_plan(&proxy->plans[1], &image, &runtime))
		bench_die("no plan");
}

static const struct vdso_remap_plan *next_plan(struct proxy *proxy)
{
	proxy->turn = !proxy->turn;
	return &proxy->plans[proxy->turn];
}

void proxy_install(struct proxy *proxy, bool park)
{
	const struct vdso_remap_plan *plan = next_plan(proxy);
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.flags = park ? VDSO_REMAP_PROXY_PARK : 0,
		.pid = proxy->pid,
		.nr_sites = plan->nr_sites,
		.sites = (uintptr_t)plan->sites,
		.image = (uintptr_t)proxy->image.addr,
		.image_size = proxy->image.size,
		.addr = park ? group_elsewhere(&proxy->group) : 0,
	};

	if (ioctl(proxy->device, VDSO_REMAP_PROXY, &req))
		bench_die("PROXY");
	if (park)
		proxy->group.text = req.addr;
}

static void protect(const struct proxy *proxy, int prot)
{
	if (mprotect(proxy->image.addr, proxy->image.size, prot))
		bench_die("mprotect");
}

static unsigned int encode(const struct proxy *proxy, const struct vdso_remap_site *site,
			   uint8_t *code)
{
	uint64_t addr = (uintptr_t)proxy->image.addr + site->off;
	uint8_t *at = (uint8_t *)(uintptr_t)vdso_abi_code(VDSO_ABI_NATIVE, addr);

	if (site->kind == VDSO_REMAP_SITE_JUMP)
		return vdso_encode_jump(VDSO_ABI_NATIVE, code, at, site->room, addr,
					proxy->group.text + site->target);
	return vdso_encode_stub(VDSO_ABI_NATIVE, code, at, site->room, addr, site->target);
}

void proxy_install_by_hand(struct proxy *proxy, bool park)
{
	const struct vdso_remap_plan *plan = next_plan(proxy);

	if (park)
		group_mremap(&proxy->group, group_elsewhere(&proxy->group));
	protect(proxy, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < plan->nr_sites; i++) {
		uint8_t code[VDSO_ENCODE_MAX];

		memcpy(proxy->image.addr + plan->sites[i].off, code,
		       encode(proxy, &plan->sites[i], code));
	}
	protect(proxy, PROT_READ | PROT_EXEC);
}

/* The process, a fork of this one, finds a system call there. */
__asm__("system_call: " T_SYSTEM_CALL);
extern const char system_call[];

static void call_by_ptrace(pid_t pid, long nr, const __u64 args[VDSO_NR_ARGS])
{
	struct vdso_regs regs;
	int status;

	if (!t_get_regs(pid, &regs))
		bench_die("PTRACE_GETREGSET");
	vdso_regs_set_call(&regs, nr, args);
	vdso_regs_set(&regs, VDSO_REG_IP, (uintptr_t)system_call);
	if (!t_set_regs(pid, &regs) || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
	    waitpid(pid, &status, __WALL) != pid || !t_get_regs(pid, &regs) ||
	    vdso_regs_result(&regs) < 0)
		bench_die("a system call by ptrace");
}

static void protect_by_ptrace(const struct proxy *proxy, int prot)
{
	const __u64 args[VDSO_NR_ARGS] = { (uintptr_t)proxy->image.addr, proxy->image.size, prot };

	call_by_ptrace(proxy->pid, SYS_mprotect, args);
}

void proxy_install_by_ptrace(struct proxy *proxy)
{
	const struct vdso_remap_plan *plan = next_plan(proxy);
	uint64_t to = group_elsewhere(&proxy->group);
	uint8_t code[VDSO_REMAP_MAX_ENTRY_POINTS][VDSO_ENCODE_MAX];
	struct iovec local[VDSO_REMAP_MAX_ENTRY_POINTS], remote[VDSO_REMAP_MAX_ENTRY_POINTS];

	for (unsigned int i = 0; i < proxy->group.nr; i++) {
		const struct group_area *area = &proxy->group.area[i];
		const __u64 args[VDSO_NR_ARGS] = {
			proxy->group.text + area->start, area->size, area->size,
			MREMAP_MAYMOVE | MREMAP_FIXED, to + area->start
		};

		call_by_ptrace(proxy->pid, SYS_mremap, args);
	}
	proxy->group.text = to;
	protect_by_ptrace(proxy, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < plan->nr_sites; i++) {
		local[i].iov_base = code[i];
		local[i].iov_len = encode(proxy, &plan->sites[i], code[i]);
		remote[i].iov_base = proxy->image.addr + plan->sites[i].off;
		remote[i].iov_len = local[i].iov_len;
	}
	if (process_vm_writev(proxy->pid, local, plan->nr_sites, remote, plan->nr_sites, 0) < 0)
		bench_die("process_vm_writev");
	protect_by_ptrace(proxy, PROT_READ | PROT_EXEC);
}
