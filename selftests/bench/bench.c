// SPDX-License-Identifier: GPL-2.0
/* Measuring, and saying what was measured; see bench.h. */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/program.h"
#include "arch/test.h"
#include "lib/regs.h"

#define MAX_COLUMNS	8

_Noreturn void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t system_clock(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static double ns_per_tick;

static void __attribute__((constructor)) measure_ticks(void)
{
	uint64_t ticks = t_ticks(), begin = system_clock(), now;

	do
		now = system_clock();
	while (now - begin < 20000000);
	ns_per_tick = (double)(now - begin) / (t_ticks() - ticks);
}

uint64_t bench_now(void)
{
	return t_ticks() * ns_per_tick;
}

bool bench_clock_is_real(void)
{
	return !getenv("BENCH_CLOCK");
}

const char *bench_clock(void)
{
	return getenv("BENCH_CLOCK") ?: "ns";
}

void bench_best(struct bench_way *ways, unsigned int nr, unsigned int rounds, unsigned long times)
{
	for (unsigned int i = 0; i < nr; i++)
		ways[i].best = INFINITY;
	while (rounds--) {
		for (unsigned int i = 0; i < nr; i++) {
			struct bench_way *way = &ways[i];
			uint64_t begin;
			double each;

			if (way->prepare)
				way->prepare(way->arg);
			begin = t_ticks();
			way->run(way->arg, times);
			each = (t_ticks() - begin) * ns_per_tick / times;
			if (each < way->best)
				way->best = each;
		}
	}
}

/* Between the two, steps are counted. */
static _Noreturn void run_between_breakpoints(bool (*fn)(void *arg), void *arg)
{
	bool ok;

	ptrace(PTRACE_TRACEME, 0, 0, 0);
	t_trap();
	ok = fn(arg);
	t_trap();
	_exit(!ok);
}

static bool wait_for_trap(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGTRAP;
}

static bool skip_trap(pid_t pid)
{
	return t_set_reg(pid, VDSO_REG_IP, t_skip_trap(t_get_reg(pid, VDSO_REG_IP)));
}

static bool count_steps(struct bench_steps *steps, pid_t pid)
{
	bool traps = wait_for_trap(pid) && skip_trap(pid);
	uint64_t last = 0;

	while (traps) {
		uint8_t code[sizeof(long)];
		struct vdso_regs regs;
		uint64_t ip;
		long word;

		if (!t_get_regs(pid, &regs))
			return false;
		ip = vdso_regs_get(&regs, VDSO_REG_IP);
		errno = 0;
		word = ptrace(PTRACE_PEEKTEXT, pid, ip, 0);
		if (errno)
			return false;
		memcpy(code, &word, sizeof(word));
		steps->branches += last && ip - last > T_INSN_MAX;
		last = ip;
		if (t_is_trap(code))
			return true;
		steps->instructions++;
		steps->system_calls += vdso_insn_kind(&regs, code) == VDSO_INSN_CALL;
		traps = !ptrace(PTRACE_SINGLESTEP, pid, 0, 0) && wait_for_trap(pid);
	}
	return false;
}

bool bench_step(struct bench_steps *steps, bool (*fn)(void *arg), void *arg)
{
	int status = -1;
	bool counted;
	pid_t pid;

	fflush(NULL);
	memset(steps, 0, sizeof(*steps));
	pid = fork();
	if (!pid)
		run_between_breakpoints(fn, arg);
	counted = count_steps(steps, pid);
	/* behind the second breakpoint it says how it went */
	if (!counted || ptrace(PTRACE_CONT, pid, 0, 0) || !wait_for_trap(pid) || !skip_trap(pid))
		kill(pid, SIGKILL);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	if (counted && !status)
		return true;
	fprintf(stderr, "what was to be counted failed: %d after %lu steps\n", status,
		steps->instructions);
	return false;
}

static FILE *json;
static const char *table_title, *table_unit, *table_columns[MAX_COLUMNS + 1];

void bench_begin(int argc, char **argv)
{
	json = fopen(argc > 1 ? argv[1] : "/dev/null", "w");
	if (!json)
		bench_die(argv[1]);
	setlinebuf(stdout);
}

void bench_table(const char *title, const char *unit, const char *const *columns)
{
	unsigned int i;

	printf("%s%s, %s\n%-30s", table_title ? "\n" : "", title, unit, "");
	for (i = 0; columns[i] && i < MAX_COLUMNS; i++) {
		table_columns[i] = columns[i];
		printf(" %14s", columns[i]);
	}
	putchar('\n');
	table_columns[i] = NULL;
	table_title = title;
	table_unit = unit;
}

void bench_row(const char *name, const double *values)
{
	const char *separator = "";

	printf("%-30s", name);
	fprintf(json, "{\"table\": \"%s\", \"unit\": \"%s\", \"row\": \"%s\", \"values\": {",
		table_title, table_unit, name);
	for (unsigned int i = 0; table_columns[i]; i++) {
		if (isnan(values[i])) {
			printf(" %14s", "-");
			continue;
		}
		printf(values[i] < 1000 && values[i] != floor(values[i]) ? " %14.2f" : " %14.0f",
		       values[i]);
		fprintf(json, "%s\"%s\": %.3f", separator, table_columns[i], values[i]);
		separator = ", ";
	}
	putchar('\n');
	fputs("}}\n", json);
}

void bench_table_ways(const char *title, const struct bench_way *ways, unsigned int nr)
{
	const char *columns[MAX_COLUMNS + 1] = { NULL };

	for (unsigned int i = 0; i < nr && i < MAX_COLUMNS; i++)
		columns[i] = ways[i].name;
	bench_table(title, bench_clock(), columns);
}

void bench_row_ways(const char *name, const struct bench_way *ways, unsigned int nr)
{
	double values[MAX_COLUMNS];

	for (unsigned int i = 0; i < nr && i < MAX_COLUMNS; i++)
		values[i] = ways[i].best;
	bench_row(name, values);
}

void bench_ratio(const char *what, double value, double goal)
{
	static bool any;

	if (!any)
		putchar('\n');
	any = true;
	printf("%-66s %8.3f", what, value);
	fprintf(json, "{\"ratio\": \"%s\", \"value\": %.4f", what, value);
	if (goal) {
		printf("   goal <= %g: %s", goal, value <= goal ? "met" : "MISSED");
		fprintf(json, ", \"goal\": %g", goal);
	}
	putchar('\n');
	fputs("}\n", json);
}

int bench_end(void)
{
	return fclose(json) || fflush(stdout);
}
