"""Asks the service by its probe port for a token and checks that it still reads it: exit 0 when it does."""

import json
import socket
import sys
from pathlib import Path


def main() -> int:
    """One exchange."""
    config = json.loads((Path(__file__).parent / "config.json").read_text())
    with socket.create_connection(("127.0.0.1", config["probe_port"]), timeout=4) as connection:
        stream = connection.makefile("rw", encoding="ascii", newline="\n")
        stream.write("ISSUE\n")
        stream.flush()
        token = stream.readline().strip()
        stream.write(f"CHECK {token}\n")
        stream.flush()
        return 0 if stream.readline().strip() in config["healthy"] else 1


if __name__ == "__main__":
    sys.exit(main())
