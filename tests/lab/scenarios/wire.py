"""Two hosts joined by a wire: each reaches the other."""

import socket
import subprocess

HOSTS = 2
PORT = 4000


def run(host):
    ping = subprocess.run(["busybox", "ping", "-c", "2", "-W", "5", host.peer], check=False,
                          capture_output=True, text=True)
    host.check("the other host answers a ping", ping.returncode == 0,
               rtt=(ping.stdout.strip().splitlines() or [ping.stderr])[-1])
    text = f"from {host.name}"
    if host.name == "a":
        with socket.create_server((host.address, PORT)) as server:
            host.barrier("listening")
            connection, peer = server.accept()
            host.check_equal("the connection comes from the other's address", peer[0], host.peer)
    else:
        host.barrier("listening")
        connection = socket.create_connection((host.peer, PORT), timeout=10)
    with connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        got = connection.makefile().read()
    host.check_equal("a TCP exchange", got, "from b" if host.name == "a" else "from a")
