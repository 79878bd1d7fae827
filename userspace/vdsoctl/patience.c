// SPDX-License-Identifier: MIT
/*
 * vdsoctl: when vdsoctl gives up before its work is done: its time is over, or a
 * signal asks it to end. No signal but SIGKILL ends it before the processes that it
 * holds go on as before.
 */
#include "vdsoctl.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REPORT_MS	3000
#define TICK_US		10000

static const int end_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

#define NR_END_SIGNALS	(sizeof(end_signals) / sizeof(end_signals[0]))

static struct {
	unsigned int depth;
	unsigned int seconds;
	int64_t deadline_ms;
	int64_t report_ms;
	bool verbose;
	bool ends[NR_END_SIGNALS];	/* false: it was ignored or caught when we began */
	sigset_t before;
} patience;

static volatile sig_atomic_t caught;	/* a signal that ended patience_watch() */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void patience_begin(unsigned int seconds)
{
	struct sigaction action;
	sigset_t all;
	size_t i;

	if (patience.depth++)
		return;
	patience.seconds = seconds;
	patience.deadline_ms = now_ms() + seconds * 1000LL;
	patience.report_ms = now_ms() + REPORT_MS;
	for (i = 0; i < NR_END_SIGNALS; i++)
		patience.ends[i] = !sigaction(end_signals[i], NULL, &action) &&
				   action.sa_handler == SIG_DFL;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &patience.before);
}

void patience_end(void)
{
	/* A signal that was pending ends vdsoctl here. */
	if (!--patience.depth)
		sigprocmask(SIG_SETMASK, &patience.before, NULL);
}

static bool is_interrupted(void)
{
	sigset_t pending;
	size_t i;

	sigpending(&pending);
	for (i = 0; i < NR_END_SIGNALS; i++)
		if (patience.ends[i] && sigismember(&pending, end_signals[i]))
			return true;
	return false;
}

bool patience_over(void)
{
	return is_interrupted() || now_ms() >= patience.deadline_ms;
}

int patience_complain(const char *hint, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	if (is_interrupted())
		return complain("interrupted: what was held goes on as before");
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return complain("%s within %u s. %s", what, patience.seconds, hint);
}

void patience_pause(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

void patience_be_verbose(void)
{
	patience.verbose = true;
}

void patience_report(const char *fmt, ...)
{
	int64_t now = now_ms();
	va_list ap;

	if (now < patience.report_ms || (!patience.verbose && !isatty(STDERR_FILENO)))
		return;
	patience.report_ms = now + REPORT_MS;
	fputs("vdsoctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("...\n", stderr);
}

static void do_nothing(int __attribute__((unused)) sig)
{
}

/* Ticks again and again, since a tick between two waits interrupts neither of them. */
static void tick_after(int64_t ms)
{
	const struct itimerval timer = {
		.it_interval = { .tv_usec = TICK_US },
		.it_value = { ms / 1000, ms % 1000 * 1000 },
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void catch_end(int sig)
{
	caught = sig;
	tick_after(1);
}

void patience_watch(void)
{
	const struct sigaction tick = { .sa_handler = do_nothing };
	const struct sigaction end = { .sa_handler = catch_end };
	int64_t left = patience.deadline_ms - now_ms();
	sigset_t set;
	size_t i;

	caught = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaction(SIGALRM, &tick, NULL);
	for (i = 0; i < NR_END_SIGNALS; i++) {
		if (!patience.ends[i])
			continue;
		sigaddset(&set, end_signals[i]);
		sigaction(end_signals[i], &end, NULL);
	}
	tick_after(left > 0 ? left : 1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void patience_watch_no_more(void)
{
	const struct itimerval never = { };
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t all;
	size_t i;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	for (i = 0; i < NR_END_SIGNALS; i++)
		if (patience.ends[i])
			sigaction(end_signals[i], &by_default, NULL);
	if (caught)
		raise(caught);	/* pending again, as if it had never been caught */
}
