"""The rules that a machine can judge: imports downwards, ordering in one file, hot code that only computes.

Each finding gives file, line, and what to do instead.
"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE_FOLDERS = ("shm", "config", "procs")
PIPELINE = ("feed_handler", "strategy", "risk_gate", "order_sender", "position_keeper")
ROLES = (*PIPELINE, "oms", "risk_engine", "tca", "monitor", "warehouse", "venue")
SHARED = {"runtime", "wire", "net", "cli"}

# who may import what of ours: the first prefix that matches a file's module, and the prefixes that it may import
MAY_IMPORT = (
    ("shm", ("shm",)),
    ("config", ("config",)),
    ("procs.wire", ("shm", "procs.wire")),
    ("procs.net", ("shm", "procs.net")),
    ("procs.runtime", ("shm", "config", "procs.runtime")),
    ("procs.cli", ("shm", "config", "procs.runtime", "procs.cli")),
    *(
        (f"procs.{role}", ("shm", "config", "procs.runtime", "procs.wire", "procs.net", f"procs.{role}"))
        for role in ROLES
    ),
    ("procs", ()),
)

# single imports beyond that, each with its reason
LISTED_IMPORTS = {
    ("procs/cli/demo.py", "procs.venue.history"): "the demo makes the history that its venue plays",
    ("procs/cli/demo.py", "procs.venue.day_file"): "and reads the directory of the day that its venue plays",
    **{
        (
            f"procs/cli/{file}.py",
            f"procs.oms.{part}",
        ): "the record is read, and built offline, by the code that knows it"
        for file, parts in {
            "record": ("query", "states", "store", "lag", "history"),
            "positions": ("history", "store"),
            "chain": ("chain", "store"),
            "oms": ("check", "loader", "store"),
            "breaks": ("query", "reconcile", "store"),
        }.items()
        for part in parts
    },
    (
        "procs/cli/limits_view.py",
        "procs.risk_gate.table",
    ): "the checks are told by the table that tests hold them against",
    ("procs/cli/strategies.py", "procs.strategy.load"): "parameters are checked before anything starts",
    ("procs/cli/strategies.py", "procs.strategy.params"): "parameters are checked before anything starts",
}

ORDERING = {"load_acquire", "load_relaxed", "store_release", "store_relaxed", "fence_acquire", "fence_release"}
# outside shm, words that two threads of one process share, or page words of another instance: each with its reason
ORDERING_USERS = {
    "procs/runtime/pace.py": "step words of the instance page",
    "procs/net/port.py": "descriptors handed over by the control thread",
    "procs/net/replay_wire.py": "counters that the control thread reads",
    "procs/venue/quiet.py": "step and work words of the other instances' pages",
    "procs/venue/day_blocks.py": "blocks of a day on their way from the control thread to the hot thread",
    "procs/venue/store.py": "chunks that the venue's control thread allocates ahead of its hot thread",
    "procs/venue/input_log.py": "private queue between the venue's hot thread and its file writer",
    "procs/order_sender/session.py": "hand-over words of the control thread",
    "procs/risk_gate/step.py": "incarnations on the strategies' instance pages",
    "procs/risk_gate/cancels.py": "step words of the same pages",
}

STEP_FORBIDDEN_MODULES = {"time", "datetime", "logging", "os", "sys", "socket", "random", "pathlib", "subprocess"}
HOT_FORBIDDEN_CALLS = {"print", "open", "input", "eval", "exec"}


@cache
def sources():
    """{relative path: syntax tree} of all code of ours."""
    paths = [path for folder in CODE_FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(), str(path)) for path in paths}


def module_of(file):
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(tree):
    """(line, module, names) of every import in the tree, also those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import; name the module in full"
            yield node.lineno, node.module, tuple(alias.name for alias in node.names)


def under(module, prefix):
    return module == prefix or module.startswith(prefix + ".")


def hot_functions(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if getattr(decorator, "id", "").startswith("hot"):
                    yield node


def report(findings):
    assert not findings, "\n" + "\n".join(findings)


def test_imports_only_go_downwards():
    findings = []
    for file, tree in sources().items():
        allowed = next(allowed for prefix, allowed in MAY_IMPORT if under(module_of(file), prefix))
        for line, module, names in imports_of(tree):
            if module.split(".")[0] not in CODE_FOLDERS:
                continue
            wanted = [f"{module}.{name}" for name in names] if module in ("procs", "config", "shm") else [module]
            for name in wanted:
                if (file, module) not in LISTED_IMPORTS and not any(under(name, prefix) for prefix in allowed):
                    findings.append(
                        f"{file}:{line}: imports {name}; may import only {', '.join(allowed) or 'nothing of ours'}. "
                        "Move what is shared into shm/ (nouns) or procs/runtime/ (verbs), or pass it in."
                    )
    report(findings)


def test_no_code_folder_imports_tests_or_benches():
    report(
        [
            f"{file}:{line}: imports {module}; move what is needed out of it"
            for file, tree in sources().items()
            for line, module, _ in imports_of(tree)
            if module.split(".")[0] in ("tests", "bench")
        ]
    )


def test_memory_ordering_is_used_in_shm_and_by_listed_files_only():
    findings = []
    for file, tree in sources().items():
        if file.startswith("shm/") or file in ORDERING_USERS:
            continue
        for line, module, names in imports_of(tree):
            for name in sorted(ORDERING & set(names)) if module == "shm.atomics" else ():
                findings.append(
                    f"{file}:{line}: uses {name}; call a function of shm/ring.py, shm/latest.py or shm/instance.py "
                    "instead, or list the file with its reason in ORDERING_USERS"
                )
    report(findings)


def test_listed_users_of_memory_ordering_exist_and_use_it():
    for file in ORDERING_USERS:
        assert file in sources(), f"tests/test_architecture.py: {file} is gone; take it off ORDERING_USERS"
        names = {name for _, module, names in imports_of(sources()[file]) if module == "shm.atomics" for name in names}
        assert names & ORDERING, f"tests/test_architecture.py: {file} needs no ordering; take it off ORDERING_USERS"


def test_atomic_instructions_are_made_in_atomics_only():
    findings = []
    for file, tree in sources().items():
        if file == "shm/atomics.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("load_atomic", "store_atomic", "fence", "cmpxchg"):
                findings.append(f"{file}:{node.lineno}: {node.attr}; write it once, in shm/atomics.py, with its twin")
    report(findings)


def test_compiling_goes_through_shm_jit():
    findings = []
    for file, tree in sources().items():
        if file == "shm/jit.py":
            continue
        for line, module, names in imports_of(tree):
            if module.split(".")[0] == "numba" and {"njit", "jit", "vectorize", "cfunc"} & set(names):
                findings.append(f"{file}:{line}: imports {', '.join(names)} of numba; use `hot` of shm/jit.py")
    report(findings)


def test_steps_read_no_clock_and_touch_no_system():
    findings = []
    for file, tree in sources().items():
        if not file.endswith("/step.py"):
            continue
        for line, module, _ in imports_of(tree):
            if module.split(".")[0] in STEP_FORBIDDEN_MODULES:
                findings.append(
                    f"{file}:{line}: imports {module}; time comes as now_ns, stamps from shm.instance.stamp, what "
                    "happened goes to count and note_error, and the world belongs to poll_in, poll_out and tend"
                )
    report(findings)


def test_hot_functions_neither_print_nor_raise():
    findings = []
    for file, tree in sources().items():
        for function in hot_functions(tree):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in HOT_FORBIDDEN_CALLS:
                    what, instead = f"calls {node.func.id}", "count it: shm.instance.count and note_error"
                elif isinstance(node, ast.Raise | ast.Try | ast.Assert):
                    what, instead = type(node).__name__.lower(), "return a code of shm/codes.py"
                elif isinstance(node, ast.JoinedStr):
                    what, instead = "builds a string", "use numbers, and words in cold code"
                else:
                    continue
                findings.append(f"{file}:{node.lineno}: hot function {function.name} {what}; {instead}")
    report(findings)


def test_hot_functions_use_fields_by_name_in_brackets():
    """`r.field` of a record compiles but fails with the JIT off; `r["field"]` works in both."""
    findings = []
    for file, tree in sources().items():
        for function in hot_functions(tree):
            records = {
                target.id
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
                if getattr(node.value.func, "id", "") == "record_at"
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in records:
                    findings.append(
                        f'{file}:{node.lineno}: {node.value.id}.{node.attr}; write {node.value.id}["{node.attr}"]'
                    )
    report(findings)


def test_cold_code_never_swallows_everything():
    findings = []
    for file, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                everything = node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException")
                if everything and all(isinstance(line, ast.Pass) for line in node.body):
                    findings.append(
                        f"{file}:{node.lineno}: except: pass; name the exception and say why it is harmless"
                    )
    report(findings)


def test_every_file_says_what_it_is_for():
    silent = [file for file, tree in sources().items() if not ast.get_docstring(tree)]
    report([f"{file}:1: no module docstring; say what it is for, and why" for file in silent])


def test_the_folders_of_procs_are_the_roles_and_what_they_share():
    known = set(ROLES) | SHARED
    found = {path.name for path in (ROOT / "procs").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert found <= known, f"procs/: unknown folders {sorted(found - known)}; a role's folder has the role's name"


def test_the_top_level_is_fixed():
    git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if git.returncode != 0:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in git.stdout.splitlines()}
    allowed = {"pyproject.toml", "procs", "shm", "config", "systemd", "tests", "bench", "README.md", "LICENSE"}
    extra = sorted(name for name in top - allowed if not name.startswith("."))
    assert not extra, f"unexpected at the top level: {extra}; the folders are fixed, find the place below them"


def test_the_command_line_imports_no_numba():
    module = ROOT / "procs" / "cli" / "__main__.py"
    if not module.exists():
        pytest.skip("procs/cli is not there yet")
    code = (
        "import sys, importlib, pathlib\n"
        "for path in sorted(pathlib.Path('procs/cli').glob('*.py')):\n"
        "    importlib.import_module('procs.cli.' + path.stem)\n"
        "    if 'numba' in sys.modules: sys.exit(f'{path}: importing it brings numba in (0.5 s); import late')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
