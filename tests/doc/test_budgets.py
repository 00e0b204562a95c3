"""The page on tests has the budgets by which tests/run measures."""

import importlib.machinery
import importlib.util
import pathlib
import re

REPO = pathlib.Path(__file__).resolve().parents[2]


def runner():
    loader = importlib.machinery.SourceFileLoader("tests_run", str(REPO / "tests/run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tests_run", loader))
    loader.exec_module(module)
    return module


def test_the_page_has_every_budget():
    run = runner()
    rows = re.findall(r"^\| `?([\w. ]+?)`? \| (\d*) \| (\d*) \|$",
                      (REPO / "doc/TESTING.md").read_text(), re.M)
    said = {name: (int(one or 0), int(other or 0)) for name, one, other in rows}
    assert said == run.BUDGETS


def test_all_that_runs_has_a_budget_and_exists():
    run = runner()
    tests = {*run.ALONE, *run.RELEASE_ALONE, *run.OWN_TESTS, *run.SANITIZED_TESTS,
             *run.RELEASE_TESTS, "test_commands.py"}
    there = {path.name for path in (REPO / "tests/e2e").glob("test_*.py")}
    assert tests == there
    assert {name for name in run.BUDGETS if name.startswith("test_")} <= there


def test_the_whole_stays_within_a_quarter_of_an_hour():
    run = runner()
    whole = sum(one + other for one, other in run.BUDGETS.values())
    assert whole / 3 < 15 * 60      # three runners at a time, on two processors
