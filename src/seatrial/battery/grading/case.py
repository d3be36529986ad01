"""A case directory from anywhere: a program, proofs of a fault in it, tests, perhaps a fixed twin.

```toml
# CASE/case.toml beside CASE/source/ CASE/proofs/ CASE/tests/ and, if there is one, CASE/twin/
case  = { id = "toy" }
build = { commands = [["make", "-s"]], sanitizer_env = { CFLAGS = "-g -O1 -fsanitize=address" } }
run   = { command = ["./target", "{input}"], timeout_s = 10 }
proof = [ { path = "proofs/1.bin", fault_class = "heap-buffer-overflow", function = "h_3" } ]
test  = [ { id = "t1", command = ["sh", "tests/t1.sh"], exit = 0, stdout = "tests/t1.out" } ]
```

Every mistake in it is a `CaseError`: one line that says what, where, and what is allowed. The same objects can be
made in memory; nothing here knows who made them.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from seatrial.battery.instance import FileTree

Fault = Literal["sanitizer", "signal"]
INPUT = "{input}"  # stands for the path of the input in a command
MAX_FILE = 64 * 1024 * 1024  # bytes of one file of a case
MAX_TREE = 512 * 1024 * 1024  # bytes of one tree of a case: it is held in memory
MAX_FILES = 50_000
MAX_TOML = 4 * 1024 * 1024


class CaseError(ValueError):
    """A case that cannot be graded: one line with what, where, and what to do."""


@dataclass(frozen=True)
class BuildPlan:
    """How the program is built. Without `sanitizer_env` a fatal signal of the plain build is the fault."""

    commands: tuple[tuple[str, ...], ...]
    timeout_s: float = 900.0
    incremental: bool = False
    plain_env: Mapping[str, str] = field(default_factory=dict)
    sanitizer_env: Mapping[str, str] | None = None
    twin_env: Mapping[str, str] | None = None  # the same source, built as its own twin
    keep: str = ""  # the one program that a run needs; empty: the whole built tree


@dataclass(frozen=True)
class RunPlan:
    """How the program takes an input: as a file named by `{input}`, or on standard input."""

    command: tuple[str, ...]
    stdin: bool = False
    timeout_s: float = 10.0
    faults: tuple[Fault, ...] = ("sanitizer", "signal")


@dataclass(frozen=True)
class Proof:
    """An input that is said to make the program fault, and what is said of the fault."""

    name: str
    content: bytes
    fault_class: str = ""
    function: str = ""
    command: tuple[str, ...] = ()  # instead of the run's own


@dataclass(frozen=True)
class Test:
    """A command that a sound program answers exactly so; it runs beside the case's `tests/`."""

    id: str
    command: tuple[str, ...]
    exit: int = 0
    stdout: bytes | None = None
    timeout_s: float = 60.0
    known_failing: bool = False

    __test__ = False  # no test of ours, whatever pytest thinks of the name


@dataclass(frozen=True)
class Case:
    """Everything that a grader needs to know of one program."""

    id: str
    source: FileTree
    build: BuildPlan
    run: RunPlan
    twin: FileTree | None = None
    editable: tuple[str, ...] = ("**/*.c", "**/*.h")
    proofs: tuple[Proof, ...] = ()
    tests: tuple[Test, ...] = ()
    tests_tree: FileTree = field(default_factory=FileTree)


def load_case(folder: Path) -> Case:
    """Read CASE/case.toml and the trees beside it. Raises `CaseError`."""
    if not folder.is_dir():
        raise CaseError(f"{folder}: no such case directory; give a folder that holds case.toml")
    return _Reader(folder).case()


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "case.toml"

    def case(self) -> Case:
        table = _Table(self._toml(), f"{self.file}", "")
        about, build, run = table.table("case"), table.table("build"), table.table("run")
        patch = table.table("patch", required=False)
        proofs = [self._proof(item) for item in table.tables("proof")]
        tests = [self._test(item) for item in table.tables("test")]
        case = Case(
            id=about.text("id"),
            source=self._tree("source"),
            build=self._build(build),
            run=self._run(run),
            twin=self._tree("twin") if (self.folder / "twin").exists() else None,
            editable=patch.texts("editable", ("**/*.c", "**/*.h")) if patch else ("**/*.c", "**/*.h"),
            proofs=tuple(proofs),
            tests=tuple(tests),
            tests_tree=self._tree("tests") if (self.folder / "tests").exists() else FileTree(),
        )
        for item in (table, about, build, run, *([patch] if patch else [])):
            item.done()
        self._check(case)
        return case

    def _check(self, case: Case) -> None:
        for kind, names in (("proof", [item.name for item in case.proofs]), ("test", [item.id for item in case.tests])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise CaseError(f"{self.file}: {kind} {twice[0]!r} stands there twice; name each once")
        for proof in case.proofs:
            command = proof.command or case.run.command
            if not case.run.stdin and not any(INPUT in word for word in command):
                raise CaseError(
                    f"{self.file}: the command of {proof.name} has no {INPUT}; add it, or set run.stdin = true"
                )

    def _toml(self) -> dict[str, Any]:
        try:
            content = _read(self.file, MAX_TOML)
            return tomllib.loads(content.decode("utf-8"))
        except FileNotFoundError:
            raise CaseError(f"{self.file}: no such file; a case needs case.toml beside source/") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CaseError(f"{self.file}: cannot be read ({error})") from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise CaseError(f"{self.file}: not TOML: {str(error)[:200]}") from None

    def _build(self, table: _Table) -> BuildPlan:
        return BuildPlan(
            commands=table.commands("commands"),
            timeout_s=table.seconds("timeout_s", 900.0),
            incremental=table.flag("incremental", default=False),
            plain_env=table.env("plain_env") or {},
            sanitizer_env=table.env("sanitizer_env"),
            twin_env=table.env("twin_env"),
        )

    def _run(self, table: _Table) -> RunPlan:
        known = get_args(Fault)
        faults = table.texts("faults", known)
        wrong = [name for name in faults if name not in known]
        if wrong or not faults:
            raise table.error("faults", f"{list(faults)} is not allowed; use some of {list(known)}")
        return RunPlan(
            command=table.words("command"),
            stdin=table.flag("stdin", default=False),
            timeout_s=table.seconds("timeout_s", 10.0),
            faults=faults,  # type: ignore[arg-type]  # checked just above
        )

    def _proof(self, table: _Table) -> Proof:
        path = table.text("path")
        proof = Proof(
            name=path,
            content=self._content(path, table.place("path")),
            fault_class=table.text("fault_class", ""),
            function=table.text("function", ""),
            command=table.words("command", ()),
        )
        table.done()
        return proof

    def _test(self, table: _Table) -> Test:
        stdout = table.text("stdout", "")
        test = Test(
            id=table.text("id"),
            command=table.words("command"),
            exit=table.whole("exit", 0),
            stdout=self._content(stdout, table.place("stdout")) if stdout else None,
            timeout_s=table.seconds("timeout_s", 60.0),
            known_failing=table.flag("known_failing", default=False),
        )
        table.done()
        return test

    def _content(self, path: str, place: str) -> bytes:
        where = self._inside(path, place)
        try:
            return _read(where, MAX_FILE)
        except OSError as error:
            raise CaseError(f"{self.file}: {place}: {path!r} cannot be read ({error.strerror or error})") from None

    def _inside(self, path: str, place: str) -> Path:
        pure = PurePosixPath(path)
        where = self.folder / pure
        if pure.is_absolute() or ".." in pure.parts or not where.resolve().is_relative_to(self.folder.resolve()):
            raise CaseError(f"{self.file}: {place}: {path!r} leaves the case; use a path below {self.folder}")
        return where

    def _tree(self, name: str) -> FileTree:
        """A folder of the case. Links are read as the file they name, which must lie inside the case."""
        top = self.folder / name
        if not top.is_dir():
            raise CaseError(f"{top}: no such directory; a case needs {name}/ beside case.toml")
        files: dict[str, tuple[bytes, int]] = {}
        total = 0

        def refuse(error: OSError) -> None:
            raise CaseError(f"{error.filename}: cannot be read ({error.strerror})")

        for parent, folders, names in os.walk(top, onerror=refuse):
            folders.sort()
            linked = [item for item in folders if (Path(parent) / item).is_symlink()]
            if linked:
                raise CaseError(f"{Path(parent) / linked[0]}: a linked folder is not taken; copy it into the case")
            for entry in sorted(names):
                path = Path(parent) / entry
                relative = path.relative_to(top).as_posix()
                where = self._inside(f"{name}/{relative}", name)
                try:
                    mode = 0o755 if where.stat().st_mode & stat.S_IXUSR else 0o644
                    content = _read(where, MAX_FILE)
                except OSError as error:
                    raise CaseError(f"{path}: cannot be read ({error.strerror or error})") from None
                total += len(content)
                if total > MAX_TREE or len(files) >= MAX_FILES:
                    raise CaseError(f"{top}: more than {MAX_TREE} bytes or {MAX_FILES} files; make the case smaller")
                files[relative] = (content, mode)
        if not files:
            raise CaseError(f"{top}: no file in it")
        return FileTree(files)


def _read(path: Path, cap: int) -> bytes:
    """A regular file under a cap; opening does not wait for a FIFO's writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"not a regular file: {path.name}")
        if status.st_size > cap:
            raise OSError(f"{status.st_size} bytes, at most {cap} are taken")
        return file.read(cap)


class _Table:
    """A table of case.toml that knows where it stands, and which of its keys nobody asked for."""

    def __init__(self, values: Mapping[str, Any], file: str, name: str) -> None:
        self._values, self._file, self._name = values, file, name
        self._asked: set[str] = set()

    def place(self, key: str) -> str:
        """`table.key`."""
        return f"{self._name}.{key}" if self._name else key

    def error(self, key: str, what: str) -> CaseError:
        """A `CaseError` at that key."""
        return CaseError(f"{self._file}: {self.place(key)}: {what}")

    def done(self) -> None:
        """Refuse keys that nothing asked for: a typing mistake must not silently change what is graded."""
        unknown = sorted(set(self._values) - self._asked)
        if unknown:
            raise self.error(unknown[0], f"unknown key; known here: {', '.join(sorted(self._asked))}")

    def _get(self, key: str, kind: type | tuple[type, ...], wanted: str, default: object = ...) -> Any:  # noqa: ANN401
        self._asked.add(key)
        value = self._values.get(key, default)
        if value is ...:
            raise self.error(key, f"missing; give {wanted}")
        if value is default:
            return value
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(key, f"{str(value)[:80]!r} is not allowed; give {wanted}")
        return value

    def table(self, key: str, *, required: bool = True) -> _Table:
        """A table, empty when it may be absent and is."""
        value = self._get(key, dict, "a table", ... if required else {})
        return _Table(value, self._file, self.place(key))

    def tables(self, key: str) -> list[_Table]:
        """A list of tables."""
        values = self._get(key, list, "a list of tables", [])
        if not all(isinstance(value, dict) for value in values):
            raise self.error(key, "give a list of tables")
        return [_Table(value, self._file, f"{self.place(key)}[{at}]") for at, value in enumerate(values)]

    def text(self, key: str, default: object = ...) -> str:
        """A text without NUL, not empty unless that is the default."""
        value: str = self._get(key, str, "a text", default)
        if "\0" in value or (not value and default is ...):
            raise self.error(key, "give a text that is not empty and has no NUL")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        return bool(self._get(key, bool, "true or false", default))

    def whole(self, key: str, default: int) -> int:
        """A whole number of an exit code."""
        value = self._get(key, int, "a whole number of 0 to 255", default)
        if not 0 <= value <= 255:
            raise self.error(key, f"{value} is not allowed; give a whole number of 0 to 255")
        return int(value)

    def seconds(self, key: str, default: float) -> float:
        """Seconds above zero, at most a day."""
        value = self._get(key, (int, float), "seconds above zero", default)
        if not 0 < value <= 86_400:
            raise self.error(key, f"{value} is not allowed; give seconds above zero, at most 86400")
        return float(value)

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts."""
        return self._list(key, self._get(key, list, "a list of texts", default))

    def words(self, key: str, default: object = ...) -> tuple[str, ...]:
        """A command: a list of texts, not empty."""
        value = self._get(key, list, 'a command as a list, like ["./target", "{input}"]', default)
        words = self._list(key, value)
        if default is ... and not words:
            raise self.error(key, 'give a command as a list, like ["./target", "{input}"]')
        return words

    def commands(self, key: str) -> tuple[tuple[str, ...], ...]:
        """A list of commands."""
        wanted = 'a list of commands, like [["make", "-s"]]'
        values = self._get(key, list, wanted)
        if not values or not all(isinstance(value, list) and value for value in values):
            raise self.error(key, f"give {wanted}")
        return tuple(self._list(key, value) for value in values)

    def env(self, key: str) -> Mapping[str, str] | None:
        """A table of texts, None when absent."""
        value = self._get(key, dict, 'a table of texts, like { CFLAGS = "-g" }', None)
        if value is None:
            return None
        if not all(isinstance(item, str) and "\0" not in item for item in value.values()):
            raise self.error(key, 'give a table of texts, like { CFLAGS = "-g" }')
        return dict(value)

    def _list(self, key: str, values: Any) -> tuple[str, ...]:  # noqa: ANN401 - straight from TOML
        if not all(isinstance(value, str) and "\0" not in value for value in values):
            raise self.error(key, "give texts without NUL")
        return tuple(values)
