"""The host's health probe of the controller: runs in the service's box, exit 0 when it answers.

Standard library only: this file is copied into the service's box.
"""

from __future__ import annotations

import socket
import sys


def main(port: int = 1599) -> int:
    """0 when the probe port answers as it should."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as link:
            return 0 if link.recv(16).startswith(b"ok ") else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
