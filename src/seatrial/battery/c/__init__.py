"""Shared kit for families whose targets are C programs: grammar, parts, hazards, program model, text, messages, builds.

| file | noun |
|---|---|
| `message.py` | grammar of the wire format, checksums, relations, `Encoder` |
| `names.py` | themes and identifiers |
| `parts.py` | `Dialect`, and the contracts `Part` (what a handler does) and `Hazard` (a part with a flawed rendering) |
| `plain.py` | parts without a hazard |
| `spatial.py`, `placing.py`, `sizes.py` | hazards of place: past the end, at an offset, behind a wrapped size |
| `lifetime.py`, `kinds.py` | hazards of time and type: used or freed after free, used as another kind |
| `bugs.py` | the catalogue: technique → CWE, fault classes, draw of one hazard |
| `program.py` | `Size` (knobs) and `draw_program` → `Program`, the model that everything else reads |
| `render.py` | `render(program, style)` → C text; style is `flawed` or one of `program.hazard.styles` / `poor_styles` |
| `compose.py` | `Composer(program)`: valid, limit, minimal, malformed messages, the trigger and its variants |
| `build.py` | compiling a tree in a box, with a cache for the process |

One program, many texts: `render(program)` is the flawed one, `render(program, style)` a repaired one; messages from
`Composer.mixed`, `feature`, `of_unit`, `at_limit` and `minimal` exit 0 with equal output in every one of them,
`malformed` exits 2, and `trigger(...)` faults in the flawed text only, whatever its variant.
"""
