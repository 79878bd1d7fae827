// SPDX-License-Identifier: MIT
/* vdsoctl move, proxy: change the vDSO of another process, by ptrace. */
#include "vdsoctl.h"

#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/**
 * struct target - a process that stands still, outside of its vDSO
 * @fd: of the device
 * @tracees: its threads
 * @status: what it has
 * @maps: its mappings
 */
struct target {
	int fd;
	struct tracees tracees;
	struct vdso_remap_status status;
	struct maps maps;
};

static void let_target_go(struct target *target)
{
	maps_free(&target->maps);
	tracees_release(&target->tracees);
	close(target->fd);
}

/* Stops all threads of pid and finds out what it has; complains. */
static int take_target(struct target *target, pid_t pid)
{
	int ret;

	memset(target, 0, sizeof(*target));
	target->fd = group_open_device();
	if (target->fd < 0)
		return -1;
	if (tracees_stop_all(&target->tracees, pid)) {
		close(target->fd);
		return -1;
	}
	ret = group_query(target->fd, pid, &target->status);
	if (ret) {
		group_complain(ret, "can't look at the vDSO", pid, 0);
		goto err_let_go;
	}
	if (!(target->status.info.state & VDSO_REMAP_STATE_PRESENT)) {
		ret = group_complain(target->status.info.nr_areas ? -EUCLEAN : -ENOENT,
				     "nothing to move", pid, 0);
		goto err_let_go;
	}
	ret = maps_read(&target->maps, pid);
	if (!ret)
		return 0;
	complain("can't read /proc/%d/maps: %s", pid, strerror(-ret));
err_let_go:
	let_target_go(target);
	return -1;
}

/* Complains. */
static int evict_target(struct target *target, const struct vdso_remap_range *extra)
{
	struct vdso_remap_range ranges[3];
	struct evicted evicted;
	unsigned int nr;

	nr = group_ranges(&target->status, &target->maps, ranges);
	if (extra)
		ranges[nr++] = *extra;
	if (tracees_evict(&target->tracees, ranges, nr, &evicted))
		return -1;
	if (evicted.nr_calling)
		return complain("%u of the threads of process %d are at a system call inside the "
				"vDSO, as 32-bit code makes them: they have to leave by "
				"themselves. Try again", evicted.nr_calling, target->tracees.pid);
	return 0;
}

static int run_move(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "to", required_argument, NULL, 't' },
		{ "replace", no_argument, NULL, 'r' },
		{ "unseal", no_argument, NULL, 's' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	struct target target;
	uint32_t flags = 0;
	bool have_to = false;
	uint64_t to = 0;
	pid_t pid = 0;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "p:t:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			break;
		case 't':
			have_to = parse_address(optarg, &to);
			if (!have_to)
				return usage_error(cmd, "'%s' is no hexadecimal address", optarg);
			break;
		case 'r':
			flags |= VDSO_REMAP_MOVE_REPLACE;
			break;
		case 's':
			flags |= VDSO_REMAP_MOVE_UNSEAL;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (!pid || !have_to || optind < argc)
		return usage_error(cmd, "move needs -p PID and --to ADDR, and nothing else");

	if (take_target(&target, pid))
		return STATUS_FAILED;
	ret = evict_target(&target, NULL);
	if (!ret)
		ret = group_move(target.fd, pid, to, flags);
	if (!ret)
		printf("process %d: vDSO moved from 0x%" PRIx64 " to 0x%" PRIx64 "\n", pid,
		       (uint64_t)group_text(&target.status.info)->start, to);
	let_target_go(&target);
	return ret ? STATUS_FAILED : finish_output();
}

const struct command cmd_move = {
	.name = "move",
	.args = "-p PID --to ADDR [--replace] [--unseal]",
	.summary = "move the vDSO of a process to another address",
	.help = "  -p, --pid PID         the process\n"
		"  -t, --to ADDR         where its text is to start, hexadecimal, page aligned\n"
		"      --replace         unmap what is in the way there\n"
		"      --unseal          also if it is sealed\n",
	.usage_status = STATUS_USAGE,
	.run = run_move,
};

struct proxy_options {
	pid_t pid;
	uint64_t at;
	bool have_at;
	uint64_t park;	/* or VDSO_REMAP_PARK_NEAR, _NOT */
	bool unseal;
	uint32_t plan_flags;
};

/* The image's text, as the mapping that holds it; complains. */
static int find_image(struct target *target, const struct proxy_options *o,
		      struct vdso_remap_range *range)
{
	const struct mapping *m;
	uint64_t at = o->at;
	int ret;

	if (!o->have_at) {
		ret = process_auxv(o->pid, AT_SYSINFO_EHDR, &at);
		if (ret)
			return complain("/proc/%d/auxv names no vDSO: say where the image is with "
					"--at ADDR", o->pid);
	}
	m = maps_at(&target->maps, at);
	if (!m)
		return complain("nothing is mapped at 0x%" PRIx64 " in process %d: say where the "
				"image is with --at ADDR", at, o->pid);
	if (!strcmp(m->name, "[vdso]"))
		return complain("the running kernel's own vDSO is at 0x%" PRIx64 " in process %d: "
				"there is no image to be made a proxy. Is it elsewhere? Give "
				"--at ADDR", at, o->pid);
	*range = (struct vdso_remap_range){ at, m->end };
	return 0;
}

/*
 * Data pages are not named by anything: a little unnamed read-only memory right
 * below the text. No kernel has more of them.
 */
#define MAX_IMAGE_DATA	(16 * 4096)

static uint64_t find_image_data(const struct maps *maps, uint64_t image)
{
	const struct mapping *m = image ? maps_at(maps, image - 1) : NULL;

	return m && !m->name[0] && !strcmp(m->perms, "r--p") && image - m->start <= MAX_IMAGE_DATA ?
	       m->start : 0;
}

/*
 * The image gives way to the runtime vDSO, and so may its data pages; nobody
 * else's memory may be lost where the data areas go. Complains.
 */
static int check_nothing_else_is_lost(const struct target *target,
				      const struct vdso_remap_range *image)
{
	const struct vdso_remap_info *info = &target->status.info;
	uint64_t before = group_text(info)->start - group_span(info).start;
	uint64_t data = find_image_data(&target->maps, image->start);
	size_t i;

	for (i = 0; i < target->maps.nr; i++) {
		const struct mapping *m = &target->maps.items[i];

		if (m->start < image->start && m->end > image->start - before && m->start != data)
			return complain("the memory at 0x%" PRIx64 " is in the way of the data "
					"areas of the running kernel's vDSO. If it may go: vdsoctl "
					"move --replace", m->start);
	}
	return 0;
}

static uint64_t choose_park_addr(struct target *target, const struct proxy_options *o,
				 const struct vdso_remap_range *image, uint64_t image_data)
{
	struct vdso_remap_range avoid = { image_data ? image_data : image->start, image->end };
	uint64_t addr;

	if (o->park != VDSO_REMAP_PARK_NEAR)
		return o->park;
	addr = group_find_hole(o->pid, &target->maps, &target->status.info, &avoid);
	if (!addr)
		complain("no room for the runtime vDSO within 2 GiB of 0x%" PRIx64 " in process "
			 "%d. Say where with --park ADDR, or leave it with --park no", image->start,
			 o->pid);
	return addr;
}

/* Complains. */
static int install_proxy(struct target *target, const struct proxy_options *o,
			 const struct vdso_remap_range *image, const struct vdso_remap_plan *plan)
{
	uint64_t data = find_image_data(&target->maps, image->start);
	struct vdso_remap_proxy proxy = {
		.size = sizeof(proxy),
		.flags = VDSO_REMAP_PROXY_MARK | (o->unseal ? VDSO_REMAP_PROXY_UNSEAL : 0),
		.pid = o->pid,
		.nr_sites = plan->nr_sites,
		.sites = (uintptr_t)plan->sites,
		.image = image->start,
		.image_size = image->end - image->start,
		.image_data = data,
	};
	uint64_t park = choose_park_addr(target, o, image, data);

	if (!park)
		return -1;
	if (park != VDSO_REMAP_PARK_NOT) {
		proxy.flags |= VDSO_REMAP_PROXY_PARK;
		proxy.addr = park;
	}
	if (ioctl(target->fd, VDSO_REMAP_PROXY, &proxy)) {
		if (errno == EACCES)
			return complain("the image at 0x%" PRIx64 " in process %d is not "
					"anonymous, executable memory", image->start, o->pid);
		if (errno == ENOSPC)
			return complain("the runtime vDSO at 0x%" PRIx64 " is too far away for the "
					"room at the image's entry points. Park it nearer: --park "
					"near", park);
		return group_complain(-errno, "can't install the proxy", o->pid, proxy.busy_tid);
	}
	if (park == VDSO_REMAP_PARK_NOT)
		park = group_text(&target->status.info)->start;
	printf("process %d: image at 0x%" PRIx64 " is a proxy with %u sites, ", o->pid,
	       image->start, plan->nr_sites);
	printf("runtime vDSO at 0x%" PRIx64 "\n", park);
	return 0;
}

/* Complains. */
static int proxy_target(struct target *target, const struct proxy_options *o)
{
	const struct vdso_remap_area *text = group_text(&target->status.info);
	struct vdso_remap_image image, runtime;
	struct vdso_remap_range range = { };
	struct vdso_remap_plan plan;

	if (find_image(target, o, &range) ||
	    image_from_process(&image, o->pid, range.start, range.end - range.start) ||
	    image_from_process(&runtime, o->pid, text->start, text->size))
		return -1;
	/* Its pages may be the process's own by now. */
	if (!image_same_build_id(&runtime, &target->status.info))
		return complain("what stands in the runtime vDSO of process %d is not what the "
				"kernel has put there", o->pid);
	if (image_plan(&plan, &image, &runtime, o->plan_flags) || evict_target(target, &range))
		return -1;
	if (plan.outcome == VDSO_REMAP_PROXIED)
		return install_proxy(target, o, &range, &plan);

	if (check_nothing_else_is_lost(target, &range) ||
	    group_move(target->fd, o->pid, range.start,
		       VDSO_REMAP_MOVE_REPLACE | (o->unseal ? VDSO_REMAP_MOVE_UNSEAL : 0)))
		return -1;
	printf("process %d: the image is the running kernel's vDSO, which now stands in its "
	       "place at 0x%" PRIx64 "\n", o->pid, range.start);
	return 0;
}

/* near, no or an address */
static bool parse_park(const char *arg, uint64_t *park)
{
	if (!strcmp(arg, "near"))
		*park = VDSO_REMAP_PARK_NEAR;
	else if (!strcmp(arg, "no"))
		*park = VDSO_REMAP_PARK_NOT;
	else
		return parse_address(arg, park) && *park > VDSO_REMAP_PARK_NOT;
	return true;
}

static int run_proxy(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "at", required_argument, NULL, 'a' },
		{ "park", required_argument, NULL, 'k' },
		{ "unseal", no_argument, NULL, 's' },
		{ "allow-unknown", no_argument, NULL, 'u' },
		{ "force-proxy", no_argument, NULL, 'f' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	struct proxy_options o = { .park = VDSO_REMAP_PARK_NEAR };
	struct target target;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "p:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &o.pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			break;
		case 'a':
			o.have_at = parse_address(optarg, &o.at);
			if (!o.have_at)
				return usage_error(cmd, "'%s' is no hexadecimal address", optarg);
			break;
		case 'k':
			if (!parse_park(optarg, &o.park))
				return usage_error(cmd, "--park takes near, no or a hexadecimal "
						   "address, not '%s'", optarg);
			break;
		case 's':
			o.unseal = true;
			break;
		case 'u':
			o.plan_flags |= VDSO_REMAP_ALLOW_UNKNOWN;
			break;
		case 'f':
			o.plan_flags |= VDSO_REMAP_FORCE_PROXY;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (!o.pid || optind < argc)
		return usage_error(cmd, "proxy needs -p PID, and nothing but options");

	if (take_target(&target, o.pid))
		return STATUS_FAILED;
	ret = proxy_target(&target, &o);
	let_target_go(&target);
	return ret ? STATUS_FAILED : finish_output();
}

const struct command cmd_proxy = {
	.name = "proxy",
	.args = "-p PID [--at ADDR] [--park ADDR|near|no] [--unseal]",
	.summary = "make the image vDSO that a process holds a proxy",
	.help = "  -p, --pid PID         the process\n"
		"      --at ADDR         where the image's text is, hexadecimal; default: where\n"
		"                        the process's auxiliary vector says\n"
		"      --park ADDR|near|no\n"
		"                        where the runtime vDSO goes: to an address, as near to\n"
		"                        the image as there is room (default), or nowhere\n"
		"      --unseal          move and mark the runtime vDSO also if it is sealed\n"
		"      --allow-unknown   leave alone functions of which nothing is known\n"
		"      --force-proxy     also when the image is the running kernel's vDSO\n",
	.usage_status = STATUS_USAGE,
	.run = run_proxy,
};
