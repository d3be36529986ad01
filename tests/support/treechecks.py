"""What a payload may do to its root tree, as a program for any user: prints the answers as one JSON object."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from seatrial.sandbox import BoxSpec, Rootfs, SealedBoxes


def use(root: Path) -> dict[str, str]:
    """Everything a payload may do to its tree; the answers as text."""
    with SealedBoxes() as boxes, boxes.open(BoxSpec(rootfs=Rootfs("tree", str(root)), workdir="/new/work")) as box:
        said = {
            "owner": box.exec(["stat", "-c", "%u %g", "/bin/sh", "/etc/motd"]).stdout.decode(),
            "folder": box.exec(["sh", "-c", "pwd; ls -a"]).stdout.decode(),
            "hosts": box.read("/etc/hosts").decode(),
            "users": box.record().users_mode,
        }
        if box.record().users_mode == "many":
            said["ann"] = box.exec(["sh", "-c", "id -u; echo x > /etc/motd"], user="ann").stdout.decode()
        changed = "echo changed > /etc/motd; rm /bin/ls; mkdir /opt; chmod 700 /bin/cat; cat /etc/motd"
        said["changed"] = box.exec(["sh", "-c", changed]).stdout.decode()
        box.place("/opt/task", {"a": (b"placed", 0o644)})
        box.exec(["sh", "-c", "rm -rf /bin /etc /lib* /usr /root /home /new"])
        box.write("/back/again", b"still here")
        said["wiped"] = box.read("/back/again").decode() + box.read("/opt/task/a").decode()
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(use(Path(sys.argv[1]))))
