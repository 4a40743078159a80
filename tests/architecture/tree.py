"""The source tree as the architecture tests read it."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOMES = ("app", "templates", "static", "migrations", "tests", "docs", "deploy", ".ci")
TEXT = {".py", ".html", ".css", ".js", ".svg", ".md", ".toml", ".lock", ".ini", ".mako", ".txt", ".sh", ".yml", ".yaml", ".json", ""}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def python_files(*homes: str) -> tuple[Path, ...]:
    return tuple(sorted(path for home in homes for path in (ROOT / home).rglob("*.py")))


@cache
def text_files() -> tuple[Path, ...]:
    """Every text file that belongs to the project, and none that a tool or an instance made."""
    inside = [path for home in HOMES for path in (ROOT / home).rglob("*") if "__pycache__" not in path.parts]
    beside = list(ROOT.glob("*"))
    return tuple(sorted(path for path in inside + beside if path.is_file() and path.suffix in TEXT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name or attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""
