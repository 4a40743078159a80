"""Templates lie where their blueprint is, and carry no style and no script of their own."""

from __future__ import annotations

import ast
import re

import pytest
from jinja2 import Environment, FileSystemLoader, nodes

from tests.architecture.tree import ROOT, parsed, python_files, relative

TEMPLATES = tuple(sorted((ROOT / "templates").rglob("*.html")))
ALL_TEMPLATES = TEMPLATES + tuple(sorted((ROOT / "app/sandbox/templates").rglob("*.html")))
SHARED_FOLDERS = {"macros", "partials", "errors"}
SHARED_STYLES = {"tokens", "base", "layout", "navigation", "timegrid", "utilities"}
PARTS_OF = {"composer": "posts"}
"""Stylesheets of a part of a blueprint that is a module of its own there."""
FROM_ELSEWHERE = {
    ("accounts", "posts/"): "an account's page may show its posts as cards",
    ("posts", "media/"): "the composer shows the chosen video as its upload did",
    ("uploads", "media/"): "what arrived in pieces is shown as what arrived at once",
    ("media", "posts/"): "what was uploaded is shown inside the composer",
}
environment = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True)


def blueprints(app) -> set[str]:
    return set(app.blueprints)


def source(path) -> str:
    return path.read_text(encoding="utf-8")


def without_comments(text: str) -> str:
    return re.sub(r"\{#.*?#\}|<!--.*?-->", "", text, flags=re.DOTALL)


def module_of(path) -> str:
    """posts for app/web/posts/routes.py and for app/web/posts.py."""
    inside = path.relative_to(ROOT / "app/web").parts
    return inside[0].removesuffix(".py")


@pytest.mark.parametrize("path", [p for p in python_files("app/web") if p.name != "__init__.py"], ids=relative)
def test_a_module_renders_templates_of_its_own_name(path):
    named = {node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
             and re.fullmatch(r"[\w./-]+\.html", node.value)}
    foreign = {name for name in named if not name.startswith((f"{module_of(path)}/", "partials/"))
               and not any(module_of(path) == module and name.startswith(folder) for module, folder in FROM_ELSEWHERE)}
    assert foreign == set()
    assert all((ROOT / "templates" / name).exists() for name in named)


def test_a_blueprint_is_named_as_its_module(sqlite_app):
    for name, blueprint in sqlite_app.blueprints.items():
        assert blueprint.import_name.startswith(f"app.web.{name}"), blueprint.import_name


def test_every_folder_of_templates_belongs_to_a_blueprint(sqlite_app):
    folders = {path.name for path in (ROOT / "templates").iterdir() if path.is_dir()}
    assert folders - SHARED_FOLDERS <= blueprints(sqlite_app)


def test_every_stylesheet_is_shared_or_belongs_to_a_blueprint(sqlite_app):
    styles = {path.stem for path in (ROOT / "static/css").glob("*.css")}
    assert styles - SHARED_STYLES - set(PARTS_OF) <= blueprints(sqlite_app)
    assert set(PARTS_OF.values()) <= blueprints(sqlite_app)


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_a_template_can_be_parsed_and_finds_what_it_includes(sqlite_app, path):
    name = path.relative_to(ROOT / "templates").as_posix()
    sqlite_app.jinja_env.get_template(name)
    tree = environment.parse(source(path))
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        if isinstance(node.template, nodes.Const):
            assert (ROOT / "templates" / node.template.value).exists(), node.template.value


@pytest.mark.parametrize(("what", "pattern"), [
    ("inline style", r"\sstyle\s*="),
    ("style element", r"<style[\s>]"),
    ("inline handler", r"\son[a-z]+\s*="),
    ("htmx handler", r"hx-on[:\s=]|data-hx-on"),
    ("script in an address", r"javascript:"),
    ("unescaped output", r"\|\s*safe\b"),
    ("htmx expression", r"hx-vals=[\"']js:|hx-trigger=[\"'][^\"']*\w\["),
])
def test_no_template_has_what_the_content_policy_would_refuse(what, pattern):
    assert {relative(path) for path in ALL_TEMPLATES if re.search(pattern, without_comments(source(path)))} == set(), what


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=relative)
def test_every_script_is_a_file(path):
    assert [tag for tag in re.findall(r"<script\b[^>]*>", without_comments(source(path))) if " src=" not in tag] == []


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=relative)
def test_nothing_is_loaded_from_elsewhere(path):
    tags = re.findall(r"<(?:script|link|img|video|source|iframe|use)\b[^>]*>", without_comments(source(path)))
    assert [tag for tag in tags if re.search(r"(?:src|href|poster)=[\"'](?:https?:)?//", tag)] == []


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=relative)
def test_every_form_says_where_it_goes_and_how(path):
    forms = re.findall(r"<form\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", without_comments(source(path)))
    assert [form for form in forms if "method=" not in form or "action=" not in form] == []


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.name.startswith("_") and p.parent.name not in SHARED_FOLDERS], ids=relative)
def test_a_fragment_does_not_extend_a_page(path):
    assert not list(environment.parse(source(path)).find_all(nodes.Extends))


# Icons

MACROS: dict[str, list[str]] = {
    macro.name: [argument.name for argument in macro.args]
    for path in TEMPLATES for macro in environment.parse(source(path)).find_all(nodes.Macro)
}


def words(node: nodes.Node) -> set[str]:
    """The text constants that an expression may become."""
    if isinstance(node, nodes.Const):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, nodes.CondExpr):
        return words(node.expr1) | (words(node.expr2) if node.expr2 else set())
    if isinstance(node, nodes.Dict):
        return {word for pair in node.items for word in words(pair.value)}
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "get":
        return words(node.args[1]) if len(node.args) > 1 else set()
    return set()


def icons_in(path) -> set[str]:
    """Names that reach the macro `icon`, directly, through another macro, or out of a table."""
    found: set[str] = set()
    tree = environment.parse(source(path))
    for call in tree.find_all(nodes.Call):
        name = getattr(call.node, "name", getattr(call.node, "attr", ""))
        parameters = MACROS.get(name, [])
        given = dict(zip(parameters, call.args, strict=False)) | {keyword.key: keyword.value for keyword in call.kwargs}
        for parameter, value in given.items():
            if parameter == "icon_name" or (name == "icon" and parameter == "name"):
                found |= words(value)
    for macro in tree.find_all(nodes.Macro):
        optional = [argument.name for argument in macro.args][len(macro.args) - len(macro.defaults):]
        defaults = dict(zip(optional, macro.defaults, strict=True))
        found |= words(defaults["icon_name"]) if "icon_name" in defaults else set()
    for table in tree.find_all(nodes.Assign):
        if isinstance(table.target, nodes.Name) and table.target.name.endswith("_ICONS"):
            found |= words(table.node)
    for loop in tree.find_all(nodes.For):
        names = [item.name for item in getattr(loop.target, "items", [])]
        if "symbol" in names and isinstance(loop.iter, nodes.Tuple):
            found |= {word for row in loop.iter.items for word in words(row.items[names.index("symbol")])}
    return found


def nav_icons() -> set[str]:
    return {node.args[1].value for path in python_files("app/web") for node in ast.walk(parsed(path))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NavItem"}


def known_icons() -> set[str]:
    return set(re.findall(r'<symbol id="([^"]+)"', source(ROOT / "static/icons.svg")))


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_every_icon_that_a_template_names_is_drawn(path):
    assert icons_in(path) - known_icons() == set()


def test_every_icon_of_the_navigation_is_drawn():
    assert len(nav_icons()) >= 4
    assert nav_icons() <= known_icons()


def test_the_search_for_icons_finds_them():
    ui = icons_in(ROOT / "templates/macros/ui.html")
    assert {"clock", "check", "triangle-alert", "circle"} <= ui
    assert {"monitor", "sun", "moon"} <= icons_in(ROOT / "templates/settings/index.html")
    assert "plus" in icons_in(ROOT / "templates/base.html")
