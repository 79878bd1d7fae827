// SPDX-License-Identifier: MIT
/* vdsoctl move: the vDSO of another process to another address. */
#include "vdsoctl.h"

#include <getopt.h>
#include <inttypes.h>

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

	if (target_take(&target, pid))
		return STATUS_FAILED;
	ret = target_evict(&target);
	if (!ret)
		ret = group_move(target.fd, pid, to, flags);
	if (!ret)
		printf("process %d: vDSO moved from 0x%" PRIx64 " to 0x%" PRIx64 "\n", pid,
		       target.status.runtime.start, to);
	target_release(&target);
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
