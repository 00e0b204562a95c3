"""Every statement about security names a test that exists, or says that it is by design."""

import pathlib
import re

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
PAGE = (REPO / "SECURITY.md").read_text()


def statements():
    """The rows of the tables whose second column says what shows it."""
    found, shown = [], False
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            shown = False
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if cells[-1].strip(" |") == "shown by":
            shown = True
        elif shown and not line.startswith("| ---"):
            found.append((cells[0], cells[-1]))
    return found


def wrong_with(proof):
    """What it names that is not there; a file comes before the names that are in it."""
    named, text, missing = re.findall(r"`([^`]+)`", proof), "", []
    for name in named:
        if "/" in name:
            path = REPO / name
            text = path.read_text() if path.is_file() else ""
            missing += [] if path.is_file() else [name]
        elif not re.search(rf"^(def |TEST\(){name}\b", text, re.M):
            missing.append(name)
    return missing if named or "by design" in proof else ["nothing that shows it"]


def test_the_page_has_statements():
    sections = re.findall(r"^## (.*)$", PAGE, re.M)
    assert len(statements()) > 50 and len(sections) > 7


@pytest.mark.parametrize("statement,proof", statements())
def test_what_shows_it_is_there(statement, proof):
    assert not wrong_with(proof), statement


def test_a_proof_that_is_none_is_seen():
    assert wrong_with("of course")
    assert wrong_with("`tests/nowhere.py` `test_it`")
    assert wrong_with("`tests/doc/test_security.py` `test_that_is_not_there`")
    assert not wrong_with("`tests/doc/test_security.py` `test_the_page_has_statements`")
