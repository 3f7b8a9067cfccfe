"""Ports of loopback for processes that can't be told to choose one themselves."""

import socket


def free_port() -> int:
    """A port that nobody listens on, and that for a minute nobody is given who asks the system for any.

    The accepted end of a connection closes first, so that the port waits there, as after any connection: it
    can be bound by its number, and other tests' processes get other ports.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = listener.accept()
            accepted.close()
            client.recv(1)
    return port
