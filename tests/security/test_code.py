"""What must not stand in drcheck's code at all, whatever it is used for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [*sorted((ROOT / "drcheck").rglob("*.py")), *sorted((ROOT / "release").rglob("*.py"))]

IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "yaml", "telnetlib", "ftplib", "xmlrpc", "imp", "code", "codeop", "pty"}
"""Modules that make objects or code of bytes, or speak in clear text."""
ALLOWED_IMPORTS = {
    # Between a process and the workers that it started itself, over their pipes; marshal makes plain values here, and nobody else can write there.
    ("drcheck/connectors/local_process.py", "marshal"),
    ("drcheck/connectors/local_worker.py", "marshal"),
}
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
METHODS = {
    "os.system", "os.popen", "os.spawnl", "os.spawnv", "os.execv", "os.execvp", "os.startfile", "os.fork", "subprocess.getoutput",
    "subprocess.getstatusoutput", "commands.getoutput", "tempfile.mktemp", "yaml.load", "ssl._create_unverified_context", "ssl.wrap_socket",
    "logging.config.listen", "jsonpickle.decode", "os.putenv", "urllib.request.urlopen", "shutil.unpack_archive", "os.chmod",
}  # fmt: skip
NAMES = {"AutoAddPolicy", "WarningPolicy", "_create_unverified_context", "CERT_NONE", "PROTOCOL_TLSv1", "PROTOCOL_SSLv23", "Markup", "extractall"}
"""Names that are for doing without a check; Markup tells a template that a text is HTML, and extractall writes what an archive says."""
ALLOWED_NAMES = {
    ("release/archives.py", "extractall"),  # what git itself wrote a moment ago, and with the data filter
    ("drcheck/reports/html_page.py", "Markup"),  # the page's own style and script, and a line end between texts that it escapes
}
KEYWORDS = {"shell": True, "verify": False, "check_hostname": False, "use_ssl": False, "autoescape": False, "allow_pickle": True}
STARTS = {"run", "Popen", "call", "check_call", "check_output"}


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name with attributes; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr}" if above else ""
    return ""


def faults(module: str, code: str) -> Iterator[str]:
    """What stands in a module that must not."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        yield from (f"{module}:{getattr(node, 'lineno', 0)}: {what}" for what in _of(module, node))


def _of(module: str, node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"imports {one.name}" for one in names if _refused(module, one.name))
        case ast.ImportFrom(module=str(name), level=0):
            if _refused(module, name):
                yield f"imports {name}"
        case ast.Assert():
            # Gone under python -O. Those that only narrow a type for mypy are told by their form.
            if not _narrows(node.test):
                yield "asserts what could matter"
        case ast.Call(func=func, args=args, keywords=keywords):
            name = dotted(func)
            if name in CALLS or name in METHODS:
                yield f"calls {name}"
            if name.startswith("subprocess.") and name.rpartition(".")[2] in STARTS and _one_text(args):
                yield "starts a program by a text instead of a list"
            for keyword in keywords:
                if keyword.arg in KEYWORDS and isinstance(keyword.value, ast.Constant) and keyword.value.value is KEYWORDS[keyword.arg]:
                    yield f"says {keyword.arg}={keyword.value.value}"
        case ast.Attribute(attr=name) | ast.Name(id=name):
            if name in NAMES and (module, name) not in ALLOWED_NAMES:
                yield f"names {name}"


def _refused(module: str, name: str) -> bool:
    return name.split(".")[0] in IMPORTS and (module, name.split(".")[0]) not in ALLOWED_IMPORTS


def _one_text(args: list[ast.expr]) -> bool:
    return not args or isinstance(args[0], ast.Constant | ast.JoinedStr | ast.BinOp)


def _narrows(test: ast.expr) -> bool:
    """`x is not None`, `isinstance(x, …)`, a plain name, and several of them: what mypy asks for."""
    match test:
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
        case ast.Call(func=ast.Name(id="isinstance")) | ast.Name() | ast.Attribute():
            return True
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(_narrows, values))
    return False


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_dangerous_is_used(module: Path) -> None:
    assert list(faults(str(module.relative_to(ROOT)), module.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from yaml import load",
        "import marshal",
        "eval('1')",
        "exec(x)",
        "import os\nos.system('ls')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.run(f'ls {x}')",
        "import subprocess\nsubprocess.run('ls ' + x)",
        "requests.get(x, verify=False)",
        "client.set_missing_host_key_policy(paramiko.AutoAddPolicy())",
        "context.verify_mode = ssl.CERT_NONE",
        "context.check_hostname = f(check_hostname=False)",
        "assert user.may_read(path)",
        "assert len(digest) == 64, 'forged'",
        "tempfile.mktemp()",
        "archive.extractall(x)",
        "Environment(autoescape=False)",
        "Markup(x)",
    ],
)
def test_each_of_them_would_be_noticed(code: str) -> None:
    assert list(faults("x.py", code))


@pytest.mark.parametrize(
    "code", ["assert x is not None", "assert isinstance(x, str)", "subprocess.run([a, b])", "subprocess.run(command)", "re.compile(x)"]
)
def test_what_is_well_is_not(code: str) -> None:
    assert list(faults("x.py", code)) == []


def test_templates_escape_by_themselves_and_hold_no_way_around_it() -> None:
    calls: list[tuple[str, ast.Call]] = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and dotted(node.func).endswith("Environment") and "jinja" in module.read_text():
                calls.append((module.name, node))
    assert calls
    for name, call in calls:
        given: dict[str | None, Callable[[], object] | ast.expr] = {keyword.arg: keyword.value for keyword in call.keywords}
        assert "autoescape" in given, name
    templates = [path for path in (ROOT / "drcheck").rglob("*") if "templates" in path.parts and path.is_file() and path.suffix != ".pyc"]
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert "autoescape false" not in text, path.name
        safe = [line.strip() for line in text.splitlines() if "|safe" in line.replace(" ", "")]
        assert all(line.count("safe") == sum(line.count(word) for word in SAFE) for line in safe), f"{path.name}: {safe}"


SAFE = ("{{ svg | safe }}",)
"""What a template may take as it is: a chart, whose texts are dates and words of drcheck's own. `test_names.py` looks at the tags of whole pages."""
