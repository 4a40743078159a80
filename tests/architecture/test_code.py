"""Rules of the house that a reader can rely on, because nothing breaks them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT, dotted, parsed, python_files, relative

APP = python_files("app")
OWN = tuple(path for path in APP if not relative(path).startswith("app/sandbox/"))
EVERYTHING = python_files("app", "tests", "migrations")
MODULE_LINES, FUNCTION_LINES = 400, 50


def places(files, pattern: str) -> list[str]:
    """file:line of every line that matches."""
    return [f"{relative(path)}:{number}" for path in files
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if re.search(pattern, line)]


def test_arrows_between_packages_point_inwards():
    run = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True,
                         text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert " 0 broken." in run.stdout


def test_every_module_is_short_enough_to_be_read_at_once():
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in APP}
    assert len(lines) > 80
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_every_function_fits_on_a_screen():
    lines = {f"{relative(path)} {node.name}": node.end_lineno - node.lineno + 1 for path in APP for node in ast.walk(parsed(path))
             if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert len(lines) > 500
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES} == {}


def test_every_module_says_what_it_is_for():
    silent = [relative(path) for path in EVERYTHING if path.stat().st_size and not ast.get_docstring(parsed(path))]
    assert silent == []


def test_no_module_is_a_drawer_for_everything():
    drawers = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?|tools)($|_)")
    assert [relative(path) for path in EVERYTHING if drawers.search(path.stem) or any(map(drawers.search, path.parts[-3:-1]))] == []


def test_only_services_commit():
    assert {place.rsplit(":", 1)[0] for place in places(OWN, r"\bcommit\(")} == {"app/services/transactions.py"}


# A target's state


def test_nobody_assigns_a_state():
    assigned = [f"{relative(path)}:{node.lineno}" for path in OWN for node in ast.walk(parsed(path))
                if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                if isinstance(target, ast.Attribute) and target.attr == "state"]
    assert assigned == []


def test_a_state_is_written_in_one_place_and_given_to_new_targets_in_another():
    given, written = [], []
    for path in OWN:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and any(k.arg == "state" for k in node.keywords):
                given.append((relative(path), dotted(node.func)))
            if isinstance(node, ast.Dict) and any(isinstance(key, ast.Constant) and key.value == "state" for key in node.keys):
                written.append(relative(path))
    oauth = "authorization_url"  # has a parameter of the same name
    assert [place for place in given if not place[1].endswith(oauth)] == [("app/services/posts.py", "PostTarget")]
    assert [path for path in written if not path.startswith("app/web/")] == ["app/services/publishing/targets.py"]


def test_no_statement_goes_round_the_models():
    assert places(OWN, r"(?i)\b(UPDATE|INSERT INTO|DELETE FROM)\s+(post_targets|posts|tiktok_accounts|users)\b") == []


def test_states_are_compared_as_members_and_not_as_words():
    words = "|".join(["in_review", "changes_requested", "publishing", "in_inbox", "unconfirmed"])
    allowed = {"app/domain/lifecycle.py", "app/models/posts.py", "app/services/publishing/status.py"}
    found = {relative(path) for path in OWN if "web" not in path.parts for node in ast.walk(parsed(path))
             if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(words, node.value)}
    assert found <= allowed


# The clock

WALL_CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now", "datetime.date.today",
               "time.time", "time.time_ns", "time.localtime", "time.gmtime"}


def test_only_the_clock_reads_the_clock():
    readers = {(relative(path), dotted(node.func)) for path in APP for node in ast.walk(parsed(path))
               if isinstance(node, ast.Call) and dotted(node.func) in WALL_CLOCKS}
    assert {reader for reader in readers if not reader[0].startswith("app/sandbox/")} == {
        ("app/clock.py", "datetime.now"), ("app/jobs/schedule.py", "datetime.now")}


def test_the_sandbox_has_a_clock_of_its_own():
    readers = {relative(path) for path in APP if relative(path).startswith("app/sandbox/") for node in ast.walk(parsed(path))
               if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in WALL_CLOCKS}
    # Its health tells the real time beside its own, and ids are unique whatever the clock was set to.
    assert readers <= {"app/sandbox/clock.py", "app/sandbox/pages.py", "app/sandbox/factory.py", "app/sandbox/ids.py"}
    assert readers


def test_what_takes_time_is_measured_by_a_clock_that_nobody_moves():
    measuring = {relative(path) for path in OWN for node in ast.walk(parsed(path))
                 if isinstance(node, ast.Call) and dotted(node.func) in ("time.monotonic", "time.perf_counter")}
    assert measuring <= {"app/processes.py", "app/cli.py", "app/demo.py", "app/jobs/worker.py", "app/infra/fetch.py",
                         "app/infra/own_address.py", "app/infra/media_child/videos.py",
                         "app/services/accounts.py", "app/services/media_imports.py", "app/services/publishing/upload.py",
                         "app/services/transactions.py"}


# Small things


def test_nothing_prints():
    printing = [f"{relative(path)}:{node.lineno}" for path in APP for node in ast.walk(parsed(path))
                if isinstance(node, ast.Call) and dotted(node.func) in ("print", "pprint", "pprint.pprint", "breakpoint")]
    assert printing == []


SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore)\b(?P<rest>.*)$")
WITH_CODE_AND_REASON = {
    "noqa": re.compile(r":\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*\s+\S.*[a-z]{2}"),
    "type": re.compile(r"\[[a-z, -]+\]\s+#\s+\S.*[a-z]{2}"),
}


def test_whoever_silences_a_linter_says_which_rule_and_why():
    silenced = [(path, line, found) for path in EVERYTHING for line in path.read_text(encoding="utf-8").splitlines()
                if (found := SILENCED.search(line)) and "re.compile" not in line]
    assert len(silenced) > 10
    assert [f"{relative(path)}: {line.strip()}" for path, line, found in silenced
            if not WITH_CODE_AND_REASON[found[1].split(":")[0]].match(found["rest"])] == []


def test_nothing_of_our_own_is_mocked():
    imported = {name for path in EVERYTHING for node in ast.walk(parsed(path))
                for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                             else [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
                             if isinstance(node, ast.ImportFrom) else [])}
    assert {name for name in imported if "mock" in name.lower()} == set()


def test_nobody_waits_by_sleeping_in_tests():
    sleeping = [f"{relative(path)}:{node.lineno}" for path in python_files("tests") if "bench" not in path.parts
                for node in ast.walk(parsed(path)) if isinstance(node, ast.Call) and dotted(node.func) in ("time.sleep", "sleep")
                and node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value > 0.2]
    assert sleeping == []


def test_services_domain_and_infra_know_nothing_of_flask():
    below = [path for path in OWN if path.parts[len(ROOT.parts) + 1] in ("domain", "services", "queries", "infra", "models")]
    assert places([p for p in below if p.name != "base.py"], r"^\s*(from|import)\s+(flask|werkzeug|wtforms)") == []
