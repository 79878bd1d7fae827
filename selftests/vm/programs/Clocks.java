// SPDX-License-Identifier: GPL-2.0

import java.util.concurrent.atomic.AtomicLong;

/**
 * Java threads read the clocks through the virtual machine, which calls libc,
 * which calls the vDSO. Java makes no system calls of its own: what is checked
 * is that no clock goes back, and that the two agree on how much time passed.
 */
public class Clocks {
	static final int THREADS = 20;
	static final long DURATION = 3_000_000_000L;	// ns
	static final long TOLERANCE = 1_000_000_000L;

	static final AtomicLong answers = new AtomicLong();

	static void fail(String what, long before, long answer) {
		System.out.println(what + ": " + answer + " after " + before);
		System.exit(1);
	}

	static void work() {
		long nanos = System.nanoTime(), begin = nanos;
		long millis = System.currentTimeMillis(), beginMillis = millis;
		long rounds = 0;

		while (nanos - begin < DURATION) {
			long nextNanos = System.nanoTime();
			long nextMillis = System.currentTimeMillis();

			if (nextNanos < nanos)
				fail("nanoTime", nanos, nextNanos);
			if (nextMillis < millis)
				fail("currentTimeMillis", millis, nextMillis);
			nanos = nextNanos;
			millis = nextMillis;
			rounds++;
		}
		long apart = (millis - beginMillis) * 1_000_000L - (nanos - begin);
		if (Math.abs(apart) > TOLERANCE)
			fail("currentTimeMillis passed", nanos - begin, nanos - begin + apart);
		answers.addAndGet(2 * rounds);
	}

	public static void main(String[] args) throws InterruptedException {
		Thread[] threads = new Thread[THREADS];

		for (int i = 0; i < THREADS; i++) {
			threads[i] = new Thread(Clocks::work);
			threads[i].start();
		}
		for (Thread thread : threads)
			thread.join();
		System.out.println(answers + " answers in " + THREADS + " threads, all right");
		System.exit(answers.get() > 0 ? 0 : 1);
	}
}
