# SPDX-License-Identifier: GPL-2.0
"""server.py FILE: a server and a client that is connected to it over TCP, in one process each,
with threads that read the clocks all the time. Says in FILE on SIGUSR1 whether the clocks are
right, as asked.py does, and whether the connection still works."""
import os
import signal
import socket
import sys
import threading
import time

from asked import report, wrong

SPINNERS = 4


def spin():
    while True:
        time.monotonic_ns()
        time.time_ns()


def serve(listener):
    connection, _ = listener.accept()
    while data := connection.recv(100):
        connection.sendall(f"{data.decode()} {wrong() or 'right'}".encode())


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    listener = socket.create_server(("127.0.0.1", 0))
    if not os.fork():
        serve(listener)
        sys.exit()
    client = socket.create_connection(listener.getsockname())
    client.settimeout(20)
    for _ in range(SPINNERS):
        threading.Thread(target=spin, daemon=True).start()
    report("ready")
    for number in range(1 << 30):
        signal.sigwait({signal.SIGUSR1})
        client.sendall(str(number).encode())
        answer = client.recv(100).decode()
        if answer != f"{number} right":
            report(f"the server answered {answer!r} to {number}")
        else:
            report(wrong() or "right")


main()
