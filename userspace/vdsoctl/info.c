// SPDX-License-Identifier: MIT
/* vdsoctl info: what there is to know about the vDSO of a process. */
#include "vdsoctl.h"

#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/**
 * struct report - what was found out
 * @pid: about whom
 * @without_module: why /proc was used; "": the module was asked
 * @status: areas and mark
 * @have_runtime, @runtime: the runtime vDSO, parsed
 * @have_image, @image: the image vDSO, parsed
 * @image_range: where it is
 * @other: memory that is no vDSO, where the program was told its vDSO is; empty: none
 */
struct report {
	pid_t pid;
	char without_module[128];
	struct vdso_remap_status status;
	bool have_runtime;
	struct vdso_remap_image runtime;
	bool have_image;
	struct vdso_remap_image image;
	struct vdso_remap_range image_range;
	struct vdso_remap_range other;
};

static bool have_module(const struct report *r)
{
	return !r->without_module[0];
}

static bool is_marked(const struct report *r)
{
	return r->status.flags & VDSO_REMAP_STATUS_MARKED;
}

/* The bytes of what is at range, which is a vDSO if found says 0. */
static int read_image(const struct report *r, int found, const struct vdso_remap_range *range,
		      struct vdso_remap_image *image, bool *have)
{
	if (found)
		return 0;
	*have = !image_from_process(image, r->pid, range);
	return *have ? 0 : -1;
}

/*
 * The image is where the mark says; without a mark, where the program was told
 * its vDSO is, if something else than the runtime vDSO stands there. That need not
 * be a vDSO: the program may have unmapped it. Complains.
 */
static int collect_image(struct report *r)
{
	const struct mapping *m;
	struct maps maps;
	uint64_t addr;
	int ret;

	if (is_marked(r))
		addr = r->status.image.start;
	else if (process_auxv(r->pid, AT_SYSINFO_EHDR, &addr))
		return 0;
	ret = maps_read(&maps, r->pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s", r->pid, strerror(-ret));
	m = maps_at(&maps, addr);
	if (m && strcmp(m->name, "[vdso]")) {
		ret = vdso_remap_find_image(r->pid, addr, &r->image_range);
		if (ret)
			r->other = (struct vdso_remap_range){ m->start, m->end };
		ret = read_image(r, ret, &r->image_range, &r->image, &r->have_image);
	}
	maps_free(&maps);
	return ret;
}

/* The runtime vDSO, as far as it is there; complains. */
static int collect_runtime(struct report *r)
{
	struct vdso_remap_range range;

	if (!r->status.runtime.end)
		return 0;
	return read_image(r, vdso_remap_find_image(r->pid, r->status.runtime.start, &range), &range,
			  &r->runtime, &r->have_runtime);
}

/* Complains. */
static int collect(struct report *r, int fd)
{
	if (group_look(fd, r->pid, &r->status) || collect_runtime(r))
		return -1;
	return collect_image(r);
}

static const char *area_name(const struct vdso_remap_area *area)
{
	return area->kind == VDSO_REMAP_AREA_TEXT ? "text" : "data";
}

/* The address as NAME or 0xADDR. */
static void name_target(char *buf, size_t size, const struct report *r, uint64_t target)
{
	uint32_t i;

	for (i = 0; r->have_runtime && i < r->runtime.nr_entry_points; i++) {
		const struct vdso_remap_entry_point *ep = &r->runtime.entry_points[i];

		if (r->status.runtime.start + ep->off != target)
			continue;
		snprintf(buf, size, "%s", ep->name);
		return;
	}
	snprintf(buf, size, "0x%" PRIx64, target);
}

/* What a site leads to, "" if nowhere. Returns what it is. */
static enum site_kind describe_site(char *buf, size_t size, const struct report *r,
				    const struct vdso_remap_entry_point *ep)
{
	struct site site = site_decode(&r->image, r->image_range.start, ep);

	switch (site.kind) {
	case SITE_UNTOUCHED:
		buf[0] = '\0';
		break;
	case SITE_STUB:
		snprintf(buf, size, "system call %s", site.call);
		break;
	default:
		name_target(buf, size, r, site.target);
	}
	return site.kind;
}

static void print_symbols(const struct report *r, const struct vdso_remap_image *image, bool sites)
{
	char what[VDSO_REMAP_NAME_MAX];
	uint32_t i;

	printf("  %8s %5s %5s  %s\n", "OFFSET", "SIZE", "ROOM", "SYMBOL");
	for (i = 0; i < image->nr_entry_points; i++) {
		const struct vdso_remap_entry_point *ep = &image->entry_points[i];

		if (!sites) {
			printf("  %#8x %5u %5u  %s\n", ep->off, ep->size, ep->room, ep->name);
			continue;
		}
		printf("  %#8x %5u %5u  %-36s %s", ep->off, ep->size, ep->room, ep->name,
		       site_kind_name(describe_site(what, sizeof(what), r, ep)));
		printf("%s%s\n", *what ? " to " : "", what);
	}
}

static void print_areas(const struct vdso_remap_info *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++) {
		const struct vdso_remap_area *area = &info->areas[i];

		printf("  %" PRIx64 "-%" PRIx64 " %s%s%s\n", (uint64_t)area->start,
		       (uint64_t)(area->start + area->size), area_name(area),
		       area->flags & VDSO_REMAP_AREA_SEALED ? " sealed" : "",
		       area->flags & VDSO_REMAP_AREA_PRIVATE ? " private pages" : "");
	}
}

static void print_text(const struct report *r)
{
	const struct vdso_remap_info *info = &r->status.info;
	char id[2 * VDSO_REMAP_BUILD_ID_MAX + 1];

	if (have_module(r))
		printf("process %d, from the module\nkernel's pointer 0x%" PRIx64 "\n", r->pid,
		       (uint64_t)info->vdso);
	else
		printf("process %d, from /proc only (%s)\n", r->pid, r->without_module);
	if (!info->nr_areas)
		printf("no runtime vDSO\n");
	else if (!r->have_runtime)
		printf("remains of a runtime vDSO, which can't be read\n");
	else
		printf("runtime vDSO %s, %s%s\n",
		       image_build_id(id, r->runtime.build_id, r->runtime.build_id_size),
		       vdso_remap_abi_name(r->runtime.abi),
		       info->state & VDSO_REMAP_STATE_PRESENT ? "" : ", split or not whole");
	print_areas(info);
	if (r->have_runtime)
		print_symbols(r, &r->runtime, false);
	if (is_marked(r)) {
		printf("mark of version %u: image at 0x%" PRIx64, r->status.mark_version,
		       r->status.image.start);
		if (r->status.image_data.start)
			printf(", its data at 0x%" PRIx64, r->status.image_data.start);
		putchar('\n');
	}
	if (r->have_image) {
		printf("image vDSO %s, %s\n  %" PRIx64 "-%" PRIx64 " text\n",
		       image_build_id(id, r->image.build_id, r->image.build_id_size),
		       vdso_remap_abi_name(r->image.abi), r->image_range.start, r->image_range.end);
		print_symbols(r, &r->image, true);
	}
	if (r->other.end)
		printf("where the %s says: no vDSO, but other memory at %" PRIx64 "-%" PRIx64 "\n",
		       is_marked(r) ? "mark" : "auxiliary vector", r->other.start,
		       r->other.end);
}

static void add_string(struct json_object *obj, const char *key, const char *val)
{
	json_object_object_add(obj, key, json_object_new_string(val));
}

static void add_number(struct json_object *obj, const char *key, uint64_t val)
{
	json_object_object_add(obj, key, json_object_new_uint64(val));
}

static void add_bool(struct json_object *obj, const char *key, bool val)
{
	json_object_object_add(obj, key, json_object_new_boolean(val));
}

static struct json_object *symbols_to_json(const struct report *r,
					   const struct vdso_remap_image *image, bool sites)
{
	struct json_object *array = json_object_new_array();
	char what[VDSO_REMAP_NAME_MAX];
	uint32_t i;

	for (i = 0; i < image->nr_entry_points; i++) {
		const struct vdso_remap_entry_point *ep = &image->entry_points[i];
		struct json_object *obj = json_object_new_object();

		add_string(obj, "symbol", ep->name);
		add_number(obj, "offset", ep->off);
		add_number(obj, "size", ep->size);
		add_number(obj, "room", ep->room);
		if (sites) {
			add_string(obj, "site",
				   site_kind_name(describe_site(what, sizeof(what), r, ep)));
			add_string(obj, "leads_to", what);
		}
		json_object_array_add(array, obj);
	}
	return array;
}

static struct json_object *areas_to_json(const struct vdso_remap_info *info, bool have_flags)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++) {
		const struct vdso_remap_area *area = &info->areas[i];
		struct json_object *obj = json_object_new_object();

		add_string(obj, "kind", area_name(area));
		add_number(obj, "start", area->start);
		add_number(obj, "size", area->size);
		if (have_flags) {
			add_bool(obj, "sealed", area->flags & VDSO_REMAP_AREA_SEALED);
			add_bool(obj, "private_pages", area->flags & VDSO_REMAP_AREA_PRIVATE);
		}
		json_object_array_add(array, obj);
	}
	return array;
}

static struct json_object *image_to_json(const struct report *r,
					 const struct vdso_remap_image *image, bool sites)
{
	struct json_object *obj = json_object_new_object();
	char id[2 * VDSO_REMAP_BUILD_ID_MAX + 1];

	add_string(obj, "build_id", image_build_id(id, image->build_id, image->build_id_size));
	add_string(obj, "abi", vdso_remap_abi_name(image->abi));
	add_number(obj, "bits", image->bits);
	if (sites) {
		add_number(obj, "start", r->image_range.start);
		add_number(obj, "size", r->image_range.end - r->image_range.start);
	}
	json_object_object_add(obj, "symbols", symbols_to_json(r, image, sites));
	return obj;
}

static struct json_object *mark_to_json(const struct vdso_remap_status *status)
{
	struct json_object *obj = json_object_new_object();

	add_number(obj, "version", status->mark_version);
	add_number(obj, "image", status->image.start);
	if (status->image_data.start)
		add_number(obj, "image_data", status->image_data.start);
	return obj;
}

static void print_json(const struct report *r)
{
	const struct vdso_remap_info *info = &r->status.info;
	struct json_object *obj = json_object_new_object();

	add_number(obj, "pid", r->pid);
	add_string(obj, "source", have_module(r) ? "module" : "proc");
	if (have_module(r))
		add_number(obj, "kernel_pointer", info->vdso);
	else
		add_string(obj, "without_module", r->without_module);
	add_bool(obj, "present", info->state & VDSO_REMAP_STATE_PRESENT);
	json_object_object_add(obj, "areas", areas_to_json(info, have_module(r)));
	if (r->have_runtime)
		json_object_object_add(obj, "runtime", image_to_json(r, &r->runtime, false));
	if (is_marked(r))
		json_object_object_add(obj, "mark", mark_to_json(&r->status));
	if (r->have_image)
		json_object_object_add(obj, "image", image_to_json(r, &r->image, true));
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED));
	json_object_put(obj);
}

static void __attribute__((format(printf, 2, 3)))
do_without_module(struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->without_module, sizeof(r->without_module), fmt, ap);
	va_end(ap);
}

/* The device, or -1: then the report says why. */
static int open_device(struct report *r)
{
	int fd = vdso_remap_open();

	if (fd == -EACCES || fd == -EPERM)
		do_without_module(r, "no permission for " VDSO_REMAP_DEVICE ": be root");
	else if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
		do_without_module(r, "the module is not loaded");
	else if (fd < 0)
		do_without_module(r, "can't open " VDSO_REMAP_DEVICE ": %s", strerror(-fd));
	return fd < 0 ? -1 : fd;
}

/* Stops the process only if the module is to be asked about another one; complains. */
static int collect_stopped(struct report *r, int fd)
{
	struct tracees tracees;
	long tracer;
	int ret;

	if (fd < 0 || r->pid == getpid())
		return collect(r, fd);
	tracer = thread_status(r->pid, r->pid, "TracerPid");
	if (tracer > 0) {
		do_without_module(r, "process %ld traces it, and the module answers the tracer "
				  "only", tracer);
		return collect(r, -1);
	}
	if (tracees_stop_leader(&tracees, r->pid))
		return -1;
	ret = collect(r, fd);
	tracees_release(&tracees);
	return ret;
}

static int run_info(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	struct report report = { .pid = getpid() };
	bool json = false;
	int opt, fd, ret;

	while ((opt = getopt_long(argc, argv, "p:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &report.pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			break;
		case 'j':
			json = true;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (optind < argc)
		return usage_error(cmd, "info takes options only, not '%s'", argv[optind]);

	fd = open_device(&report);
	ret = collect_stopped(&report, fd);
	if (fd >= 0)
		close(fd);
	if (ret)
		return STATUS_FAILED;
	if (json)
		print_json(&report);
	else
		print_text(&report);
	return finish_output();
}

const struct command cmd_info = {
	.name = "info",
	.args = "[-p PID] [--json]",
	.summary = "show the vDSO of a process",
	.help = "  -p, --pid PID         of this process; default: vdsoctl itself\n"
		"      --json            for programs\n",
	.usage_status = STATUS_USAGE,
	.run = run_info,
};
