// SPDX-License-Identifier: MIT
/* vdsoctl compare: what would be done with an image vDSO, without doing it. */
#include "vdsoctl.h"

#include <getopt.h>
#include <json.h>

struct comparison {
	struct vdso_remap_image image;
	struct vdso_remap_image runtime;
	struct vdso_remap_plan plan;
};

static const char *outcome_name(const struct comparison *c)
{
	return c->plan.outcome == VDSO_REMAP_IN_PLACE ? "in place" : "proxied";
}

static void print_table(const struct comparison *c)
{
	char id[2][2 * VDSO_REMAP_BUILD_ID_MAX + 1];
	uint32_t i;

	printf("%s: image %s, runtime %s\n", outcome_name(c),
	       image_build_id(id[0], c->image.build_id, c->image.build_id_size),
	       image_build_id(id[1], c->runtime.build_id, c->runtime.build_id_size));
	if (!c->plan.nr_steps)
		return;
	printf("%-40s %8s %8s %5s  %-6s %s\n", "SYMBOL", "OLD", "NEW", "ROOM", "DONE", "WHY");
	for (i = 0; i < c->plan.nr_steps; i++) {
		const struct vdso_remap_step *step = &c->plan.steps[i];
		const struct vdso_remap_entry_point *ep = &c->image.entry_points[step->image];
		char new_off[16] = "-";

		if (step->runtime >= 0)
			snprintf(new_off, sizeof(new_off), "0x%x",
				 c->runtime.entry_points[step->runtime].off);
		printf("%-40s %#8x %8s %5u  %-6s %s\n", ep->name, ep->off, new_off, ep->room,
		       vdso_remap_action_name(step->action), vdso_remap_reason_text(step->reason));
	}
}

static struct json_object *step_to_json(const struct comparison *c,
					const struct vdso_remap_step *step)
{
	const struct vdso_remap_entry_point *ep = &c->image.entry_points[step->image];
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "symbol", json_object_new_string(ep->name));
	json_object_object_add(obj, "old_offset", json_object_new_int64(ep->off));
	if (step->runtime >= 0) {
		uint32_t off = c->runtime.entry_points[step->runtime].off;

		json_object_object_add(obj, "new_offset", json_object_new_int64(off));
	}
	json_object_object_add(obj, "room", json_object_new_int64(ep->room));
	json_object_object_add(obj, "action",
			       json_object_new_string(vdso_remap_action_name(step->action)));
	json_object_object_add(obj, "reason",
			       json_object_new_string(vdso_remap_reason_text(step->reason)));
	return obj;
}

static void print_json(const struct comparison *c)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *steps = json_object_new_array();
	char id[2 * VDSO_REMAP_BUILD_ID_MAX + 1];
	uint32_t i;

	json_object_object_add(obj, "outcome", json_object_new_string(outcome_name(c)));
	image_build_id(id, c->image.build_id, c->image.build_id_size);
	json_object_object_add(obj, "image_build_id", json_object_new_string(id));
	image_build_id(id, c->runtime.build_id, c->runtime.build_id_size);
	json_object_object_add(obj, "runtime_build_id", json_object_new_string(id));
	for (i = 0; i < c->plan.nr_steps; i++)
		json_object_array_add(steps, step_to_json(c, &c->plan.steps[i]));
	json_object_object_add(obj, "steps", steps);
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED));
	json_object_put(obj);
}

static int run_compare(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "allow-unknown", no_argument, NULL, 'u' },
		{ "force-proxy", no_argument, NULL, 'f' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	struct comparison c;
	uint32_t flags = 0;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'u':
			flags |= VDSO_REMAP_ALLOW_UNKNOWN;
			break;
		case 'f':
			flags |= VDSO_REMAP_FORCE_PROXY;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 1 || argc > 2)
		return usage_error(cmd, "compare takes one or two image files");

	if (image_from_file(&c.image, argv[0]))
		return STATUS_FAILED;
	if ((argc == 2 ? image_from_file(&c.runtime, argv[1]) :
			 image_runtime(&c.runtime, &c.image)) ||
	    image_plan(&c.plan, &c.image, &c.runtime, flags))
		return STATUS_FAILED;
	if (json)
		print_json(&c);
	else
		print_table(&c);
	return finish_output();
}

const struct command cmd_compare = {
	.name = "compare",
	.args = "[--json] IMAGE [RUNTIME]",
	.summary = "show what would be done with an image vDSO",
	.help = "  IMAGE                 the vDSO that a program remembers, from dump-image\n"
		"  RUNTIME               the one to run it on; default: the one that the\n"
		"                        running kernel gives to programs of IMAGE's kind\n"
		"      --json            for programs\n"
		"      --allow-unknown   leave alone functions of which nothing is known\n"
		"      --force-proxy     also when both are the same\n",
	.usage_status = STATUS_USAGE,
	.run = run_compare,
};
