// SPDX-License-Identifier: MIT
/* vdsoctl proxy: make the image vDSO that another process holds a proxy. */
#include "vdsoctl.h"

#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct proxy_options {
	pid_t pid;
	uint64_t at;
	bool have_at;
	uint64_t data;	/* 0: not given */
	uint64_t park;	/* or VDSO_REMAP_PARK_NEAR, _NOT */
	uint32_t flags;	/* of vdso_remap_restore() */
};

/* The image's text; complains. */
static int find_image(struct target *target, const struct proxy_options *o,
		      struct vdso_remap_range *range)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_PARSE,
							.vdso = VDSO_REMAP_IMAGE, .pid = o->pid);
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
	error.addr = at;
	error.error = vdso_remap_find_image(o->pid, at, range);
	return error.error ? group_complain(&error, "can't make it a proxy") : 0;
}

/*
 * How large an image's data pages can be: no kernel has more. Nothing names them, so they are
 * taken to be the unnamed read-only memory right below the text, up to this size.
 */
static uint64_t max_image_data(void)
{
	return 16 * sysconf(_SC_PAGESIZE);
}

/* Returns 1, 0, or -errno. */
static int is_zeros(pid_t pid, const struct vdso_remap_range *range)
{
	static const char zeros[4096];
	char bytes[sizeof(zeros)];	/* no page is smaller */
	uint64_t addr;
	int ret;

	for (addr = range->start; addr < range->end; addr += sizeof(bytes)) {
		ret = process_read(pid, addr, bytes, sizeof(bytes));
		if (ret)
			return ret;
		if (memcmp(bytes, zeros, sizeof(bytes)))
			return 0;
	}
	return 1;
}

/*
 * The image's data pages: what --data says, or memory that looks like them and holds
 * only zeros; empty: unknown. Complains.
 */
static int find_image_data(struct vdso_remap_range *data, const struct target *target,
			   const struct proxy_options *o, uint64_t image)
{
	const struct mapping *m = maps_at(&target->maps, image - 1);
	int ret;

	*data = (struct vdso_remap_range){ o->data, image };
	if (o->data) {
		if (o->data < image && image - o->data <= max_image_data())
			return 0;
		return complain("--data says 0x%" PRIx64 ", but the data pages of a vDSO begin at "
				"most %" PRIu64 " KiB below its text, which is at 0x%" PRIx64,
				o->data, max_image_data() >> 10, image);
	}
	data->start = image;
	if (!m || m->name[0] || strcmp(m->perms, "r--p") || image - m->start > max_image_data())
		return 0;
	data->start = m->start;
	ret = is_zeros(o->pid, data);
	if (ret > 0)
		return 0;
	printf("process %d: the memory at 0x%" PRIx64 "-0x%" PRIx64 " is %s: it is not taken for "
	       "the image's data pages. If it is, give --data 0x%" PRIx64 "\n", o->pid, data->start,
	       image, ret ? "not readable" : "not zeros", data->start);
	data->start = image;
	return 0;
}

/* Brings all threads out of the vDSO and of the image, which may be no proxy yet. Complains. */
static int evict_image(struct target *target, const struct vdso_remap_range *image)
{
	if (target->status.flags & VDSO_REMAP_STATUS_PROXIED &&
	    target->status.image.start != image->start && target_evict(target))
		return -1;
	target->status.flags |= VDSO_REMAP_STATUS_PROXIED;
	target->status.image = *image;
	return target_evict(target);
}

static int complain_proxy(const struct vdso_remap_error *error, const struct proxy_options *o)
{
	switch (error->error) {
	case -ENOSPC:
		return complain("the runtime vDSO is too far away for the room at the image's "
				"entry point %s. Park it nearer: --park near", error->entry_point);
	case -ENOTSUP:
		if (error->stage == VDSO_REMAP_STAGE_PLAN)
			return complain("the image has an entry point %s that the runtime vDSO "
					"lacks and of which nothing is known. If the program never "
					"calls it, give --allow-unknown", error->entry_point);
		break;
	case -EEXIST:
		if (error->stage == VDSO_REMAP_STAGE_DATA)
			return complain("the memory below the image in process %d is in the way of "
					"the data areas of the running kernel's vDSO, from "
					"0x%" PRIx64 " on. If it is the image's data pages, say "
					"where they begin with --data ADDR; if it may go, use "
					"'vdsoctl move --replace'", o->pid, error->addr);
		break;
	}
	return group_complain(error, "can't make the image a proxy");
}

/* Complains. */
static int proxy_target(struct target *target, const struct proxy_options *o)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error);
	struct vdso_remap_restore_args args = VDSO_REMAP_INIT(args,
		.flags = o->flags | VDSO_REMAP_REQUIRE_MODULE, .fd = target->fd, .pid = o->pid,
		.park_addr = o->park, .error = &error);
	struct vdso_remap_range image, data;

	if (find_image(target, o, &image) || find_image_data(&data, target, o, image.start) ||
	    evict_image(target, &image))
		return -1;
	args.image = image.start;
	args.image_size = image.end - image.start;
	if (data.start < data.end) {
		args.image_data = data.start;
		args.image_data_size = data.end - data.start;
	}
	if (vdso_remap_restore(&args))
		return complain_proxy(&error, o);
	if (args.outcome == VDSO_REMAP_IN_PLACE)
		printf("process %d: the image is the running kernel's vDSO, which now stands in "
		       "its place at 0x%" PRIx64 "\n", o->pid, args.runtime);
	else
		printf("process %d: image at 0x%" PRIx64 " is a proxy with %u sites, runtime vDSO "
		       "at 0x%" PRIx64 "\n", o->pid, args.image, args.nr_sites, args.runtime);
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
		{ "data", required_argument, NULL, 'd' },
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
		case 'd':
			if (!parse_address(optarg, &o.data) || !o.data ||
			    o.data % sysconf(_SC_PAGESIZE))
				return usage_error(cmd, "'%s' is no hexadecimal, page aligned "
						   "address", optarg);
			break;
		case 'k':
			if (!parse_park(optarg, &o.park))
				return usage_error(cmd, "--park takes near, no or a hexadecimal "
						   "address, not '%s'", optarg);
			break;
		case 's':
			o.flags |= VDSO_REMAP_UNSEAL;
			break;
		case 'u':
			o.flags |= VDSO_REMAP_ALLOW_UNKNOWN;
			break;
		case 'f':
			o.flags |= VDSO_REMAP_FORCE_PROXY;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (!o.pid || optind < argc)
		return usage_error(cmd, "proxy needs -p PID, and nothing but options");

	if (target_take(&target, o.pid))
		return STATUS_FAILED;
	ret = proxy_target(&target, &o);
	target_release(&target);
	return ret ? STATUS_FAILED : finish_output();
}

const struct command cmd_proxy = {
	.name = "proxy",
	.args = "-p PID [--at ADDR] [--data ADDR] [--park ADDR|near|no] [--unseal]",
	.summary = "make the image vDSO that a process holds a proxy",
	.help = "  -p, --pid PID         the process\n"
		"      --at ADDR         where the image's text is, hexadecimal; default: where\n"
		"                        the process's auxiliary vector says\n"
		"      --data ADDR       where the image's data pages are; default: right below\n"
		"                        the text, if read-only zeros are there\n"
		"      --park ADDR|near|no\n"
		"                        where the runtime vDSO goes: to an address, as near to\n"
		"                        the image as there is room (default), or nowhere\n"
		"      --unseal          move and mark the runtime vDSO also if it is sealed\n"
		"      --allow-unknown   leave alone functions of which nothing is known\n"
		"      --force-proxy     also when the image is the running kernel's vDSO\n",
	.usage_status = STATUS_USAGE,
	.run = run_proxy,
};
