// SPDX-License-Identifier: GPL-2.0
/*
 * stepper PID SEED: brings every thread of a process but the first to an instruction
 * inside its vDSO, by single steps from a random moment on, and leaves the process
 * stopped there. Prints where each one is.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/regs.h"

#define MAX_THREADS	16
#define MAX_STEPS	200000
/* More than the longest way through a function */
#define MAX_INSIDE	120

static unsigned long text_start, text_end;

static void die(const char *what, int tid)
{
	fprintf(stderr, "stepper: %s, thread %d: %s\n", what, tid, strerror(errno));
	exit(1);
}

/* The vDSO, or the image that a mark in it tells of: what the process remembers. */
static void find_text(int pid)
{
	char name[40], line[300];
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	file = fopen(name, "r");
	if (!file)
		die("can't read its maps", pid);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "[vdso]"))
			sscanf(line, "%lx-%lx", &text_start, &text_end);
	fclose(file);
	if (!text_start)
		die("has no vDSO", pid);
}

static unsigned long ip_of(int tid)
{
	struct vdso_regs regs;

	if (!t_get_regs(tid, &regs))
		die("can't read its registers", tid);
	return vdso_regs_get(&regs, VDSO_REG_IP);
}

static bool is_inside(int tid)
{
	unsigned long ip = ip_of(tid);

	return ip >= text_start && ip < text_end;
}

static void single_step(int tid)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL) || waitpid(tid, &status, __WALL) != tid ||
	    !WIFSTOPPED(status))
		die("does not make a step", tid);
}

static void step_inside(int tid)
{
	unsigned int left = rand() % MAX_INSIDE, steps = 0;

	/* so many steps inside, over several calls if need be */
	for (;;) {
		if (is_inside(tid) && !left--)
			break;
		if (steps++ == MAX_STEPS)
			die("does not come into the vDSO", tid);
		single_step(tid);
	}
	printf("%d +%#lx\n", tid, ip_of(tid) - text_start);
}

int main(int argc, char **argv)
{
	int tids[MAX_THREADS], nr = 0, status, pid;
	struct dirent *entry;
	char name[40];
	DIR *dir;

	if (argc != 3)
		return 2;
	pid = atoi(argv[1]);
	srand(atoi(argv[2]));
	find_text(pid);
	snprintf(name, sizeof(name), "/proc/%d/task", pid);
	dir = opendir(name);
	while (dir && (entry = readdir(dir)) && nr < MAX_THREADS)
		if (atoi(entry->d_name))
			tids[nr++] = atoi(entry->d_name);
	for (int i = 0; i < nr; i++)
		if (ptrace(PTRACE_SEIZE, tids[i], NULL, NULL) ||
		    ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL) ||
		    waitpid(tids[i], &status, __WALL) != tids[i])
			die("can't stop it", tids[i]);
	for (int i = 0; i < nr; i++)
		if (tids[i] != pid)
			step_inside(tids[i]);
	/* the stop signal comes before the first one goes on */
	if (kill(pid, SIGSTOP))
		die("can't stop the process", pid);
	for (int i = 0; i < nr; i++)
		ptrace(PTRACE_DETACH, tids[i], NULL, NULL);
	return 0;
}
