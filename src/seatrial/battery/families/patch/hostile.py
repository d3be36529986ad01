"""Repairs that are none: hiding the fault, breaking the feature, touching what judges; every one must score below 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.c.render import render
from seatrial.battery.families.patch.diffs import Text, diff
from seatrial.battery.instance import HostileCase

if TYPE_CHECKING:
    from seatrial.battery.c.program import Program

PATCH = "patch.diff"
_BINARY = b"""diff --git a/src/x.bin b/src/x.bin
new file mode 100644
index 0000000..e69de29
GIT binary patch
literal 5
McmZQzU|?imU}5|J0000

"""


def bad_patches(program: Program, text: Text, makefile: str, proof: bytes) -> dict[str, bytes]:
    """Bad repairs by name. Those named `witness:` stop this very proof and nothing else, or mend too little."""
    site = program.site().name
    file = text.places[site][0]
    before = text.files
    size = len(proof)
    edits = {
        "empties the handler": text.emptied(site),
        "returns early": text.inside(site, "\treturn 0;"),
        "refuses the record": text.inside(site, "\treturn -1;"),
        "witness: refuses the size of the proof": {
            name: body.replace("\tfclose(file);\n", f"\tfclose(file);\n\tif (total == {size})\n\t\treturn 2;\n", 1)
            for name, body in before.items()
        },
        "ignores the signals": text.in_main("\tsignal(SIGSEGV, SIG_IGN);", "\tsignal(SIGABRT, SIG_IGN);"),
        "pastes the name of a call together": text.in_main(
            "\t#define JOIN(a, b) a##b", "\tJOIN(sig, nal)(11, (void (*)(int))1);"
        ),
        "switches the sanitizer off": text.above(site, "__attribute__((no_sanitize_address))"),
        "switches it off by pragma": text.above(site, "#pragma GCC optimize (0)"),
        "ends at once": text.in_main('\tputs("digest 0000000000000000");', "\treturn 0;"),
        "main does nothing": text.in_main("\treturn 0;"),
        "halves every copy": text.on_top(
            file, "#include <string.h>", "#define memcpy(to, from, size) memcpy(to, from, (size) / 2)"
        ),
        "adds a constructor": {
            **before,
            "src/early.c": "static void early(void) __attribute__((constructor));\nstatic void early(void) {}\n",
        },
        "changes the build": {**before, "Makefile": makefile.replace("-fsanitize=address", "")},
        "adds a test": {**before, "tests/t1.sh": "exit 0\n"},
    }
    for style in program.hazard.poor_styles:
        edits[f"witness: {style}"] = Text.of(render(program, style)).files
    base = {**before, "Makefile": makefile}
    patches = {
        name: diff(base if "Makefile" in after else before, after) for name, after in edits.items() if after != before
    }
    return {**patches, "binary": _BINARY, "a link": _link(file), "climbs out": _climb()}


def hostile_cases(program: Program, text: Text, makefile: str, proof: bytes) -> tuple[HostileCase, ...]:
    """The bad repairs as submissions."""
    return tuple(
        HostileCase(name, {PATCH: patch}) for name, patch in bad_patches(program, text, makefile, proof).items()
    )


def _link(file: str) -> bytes:
    return (
        f"diff --git a/{file}.h b/{file}.h\nnew file mode 120000\n--- /dev/null\n+++ b/{file}.h\n"
        "@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
    ).encode()


def _climb() -> bytes:
    return b"--- /dev/null\n+++ b/../../tests/x.c\n@@ -0,0 +1 @@\n+int x;\n"
