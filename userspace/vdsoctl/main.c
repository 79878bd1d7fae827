// SPDX-License-Identifier: MIT
/* vdsoctl: which command runs, and how all of them speak. */
#include "vdsoctl.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
	&cmd_info, &cmd_dump_image, &cmd_compare, &cmd_exec, &cmd_evict,
	&cmd_move, &cmd_proxy, &cmd_load, &cmd_unload, &cmd_status,
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void print_overview(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: vdsoctl COMMAND [ARGUMENTS]\n"
		     "Look at the vDSO of a process and carry it over to another kernel.\n\n");
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\n'vdsoctl COMMAND --help' says more; vdsoctl(8) says all.\n");
}

static void vcomplain(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("vdsoctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vcomplain(fmt, ap);
	va_end(ap);
	return -1;
}

int usage_error(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vcomplain(fmt, ap);
	va_end(ap);
	fprintf(stderr, "Usage: vdsoctl %s %s\nTry: vdsoctl %s --help\n", cmd->name, cmd->args,
		cmd->name);
	return cmd->usage_status;
}

int common_option(const struct command *cmd, int opt)
{
	switch (opt) {
	case 'h':
		printf("Usage: vdsoctl %s %s\n%s.\n\n%s"
		       "  -h, --help            this text\n"
		       "  -V, --version         the version\n",
		       cmd->name, cmd->args, cmd->summary, cmd->help);
		return finish_output();
	case 'V':
		printf("vdsoctl %s\n", VERSION);
		return finish_output();
	default:	/* getopt_long() has said what is wrong */
		fprintf(stderr, "Usage: vdsoctl %s %s\nTry: vdsoctl %s --help\n", cmd->name,
			cmd->args, cmd->name);
		return cmd->usage_status;
	}
}

int finish_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;
	complain("can't write to standard output: %s", strerror(errno));
	return STATUS_FAILED;
}

bool parse_pid(const char *arg, pid_t *pid)
{
	char *end;
	long val;

	errno = 0;
	val = strtol(arg, &end, 10);
	*pid = val;
	return !errno && end != arg && !*end && val > 0 && val <= INT_MAX;
}

bool parse_address(const char *arg, uint64_t *addr)
{
	char *end;

	errno = 0;
	*addr = strtoull(arg, &end, 16);
	return !errno && end != arg && !*end && *arg != '-';
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		print_overview(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_overview(stdout);
		return finish_output();
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return common_option(commands[0], 'V');
	for (i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i]->name))
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	complain("there is no command '%s'. Try: vdsoctl --help", argv[1]);
	return STATUS_USAGE;
}
