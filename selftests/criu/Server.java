// SPDX-License-Identifier: GPL-2.0

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.SynchronousQueue;
import sun.misc.Signal;

/**
 * Server FILE: a server and a client that is connected to it over TCP, with threads that read the
 * clocks all the time. Says in FILE on SIGUSR1 whether the clocks are right, and whether the
 * connection still works. Java makes no system calls of its own: the clock is held against the
 * kernel's time stamp of a file that was just written.
 */
public class Server {
	static final int SPINNERS = 4;
	static final long TICK = 20;	// ms; the stamp is as old as the last timer interrupt

	static volatile String wrong;

	static void spin() {
		long nanos = System.nanoTime(), millis = System.currentTimeMillis();

		while (true) {
			long nextNanos = System.nanoTime(), nextMillis = System.currentTimeMillis();

			if (nextNanos < nanos)
				wrong = "nanoTime: " + nextNanos + " after " + nanos;
			if (nextMillis < millis)
				wrong = "currentTimeMillis: " + nextMillis + " after " + millis;
			nanos = nextNanos;
			millis = nextMillis;
		}
	}

	static void report(Path file, String text) throws Exception {
		Path fresh = file.resolveSibling(file.getFileName() + ".new");

		Files.writeString(fresh, text + "\n");
		Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
	}

	static void compare(Path file) throws Exception {
		long before = System.currentTimeMillis(), stamp, after;

		Files.writeString(file, "");
		stamp = Files.getLastModifiedTime(file).toMillis();
		after = System.currentTimeMillis();
		if (stamp < before - TICK || stamp > after)
			wrong = "currentTimeMillis: the kernel's " + stamp + " is not in " + before + ".." + after;
	}

	static void serve(ServerSocket listener) {
		try (Socket socket = listener.accept()) {
			for (int read; (read = socket.getInputStream().read()) >= 0;)
				socket.getOutputStream().write(read);
		} catch (Exception exception) {
			wrong = "the server: " + exception;
		}
	}

	static Thread start(Runnable work) {
		Thread thread = new Thread(work);

		thread.setDaemon(true);
		thread.start();
		return thread;
	}

	public static void main(String[] args) throws Exception {
		Path file = Path.of(args[0]), stamped = file.resolveSibling(file.getFileName() + ".stamp");
		SynchronousQueue<Integer> asked = new SynchronousQueue<>();
		ServerSocket listener = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));

		Signal.handle(new Signal("USR1"), signal -> {
			try {
				asked.put(1);
			} catch (InterruptedException exception) {
				wrong = "" + exception;
			}
		});
		start(() -> serve(listener));
		Socket client = new Socket(listener.getInetAddress(), listener.getLocalPort());
		client.setSoTimeout(20_000);
		for (int i = 0; i < SPINNERS; i++)
			start(Server::spin);
		report(file, "ready");
		for (int number = 0;; number = (number + 1) % 256) {
			asked.take();
			compare(stamped);
			client.getOutputStream().write(number);
			int answer = client.getInputStream().read();
			if (answer != number)
				wrong = "the server answered " + answer + " to " + number;
			report(file, wrong == null ? "right" : wrong);
			wrong = null;
		}
	}
}
