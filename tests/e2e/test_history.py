"""What of a session's past a terminal gets: one that is new, and one that has shown it."""

import re

import pytest

from harness import PROMPT, belay_argv

AGAIN = r'''
times=$1
shift
while [ $times -gt 0 ]; do
    times=$((times - 1))
    "$@"
    echo $times-''left
done
'''
# Writes so many numbered lines when it is told to, though nobody is there.
LATER = "(while [ ! -e go$n ]; do sleep 0.05; done; seq -f 'row-%g.' {} {}; touch done$n) & n={}"
SCREEN = 24
FLIGHT = 1500       # rows of two round trips, at the most


def window(host, times, *options):
    """A local shell in a window, which runs belay again when it is left."""
    return host.start(["sh", "-c", AGAIN, "sh", str(times), *belay_argv(host, *options)],
                      rows=SCREEN)


def leave(term):
    term.type("\r~.")
    term.expect("-left")


def end(term):
    term.type("exit\r")
    term.expect("0-left")
    term.wait_exit()


def written_meanwhile(host, name):
    (host.home / f"go{name}").touch()
    return lambda: (host.home / f"done{name}").exists()


def shown(term):
    """How often each number was shown."""
    count = {}
    for number in re.findall(rb"row-(\d+)\. *\r\n", term.raw):
        count[int(number)] = count.get(int(number), 0) + 1
    return count


def test_a_window_that_is_come_back_to_gets_what_is_new(host):
    term = window(host, 4)
    term.expect(PROMPT)
    term.line("seq -f 'row-%g.' 1 200; echo all-''there")
    term.expect("all-there")
    for times in range(3):
        first = 1000 * (times + 1)
        term.line(f"n={times}; " + LATER.format(first, first + 99, times))
        term.line(f"echo begun-''{times}")
        term.expect(f"begun-{times}")
        term.expect(PROMPT)
        leave(term)
        term.wait_until(written_meanwhile(host, times))
        term.expect("back in the session")
        term.line(f"echo here-''{times}")
        term.expect(f"here-{times}")
        term.expect(PROMPT)
    count = shown(term)
    wanted = [*range(1, 201), *(1000 * n + i for n in (1, 2, 3) for i in range(100))]
    assert sorted(count) == wanted
    # What stood on the screen stands there again, and nothing else does.
    assert all(count[number] == 1 for number in range(1, 201 - SCREEN)), count
    assert sum(count.values()) <= len(wanted) + 3 * SCREEN, count
    end(term)


def test_it_is_left_in_the_middle_of_its_output(host):
    term = window(host, 2)
    term.expect(PROMPT)
    term.line("i=0; while [ $i -lt 12000 ]; do i=$((i+1)); printf 'row-%d.%60s\\n' $i; done; touch over")
    term.expect("row-5000.")
    leave(term)
    left = max(shown(term))
    term.wait_until((host.home / "over").exists)
    term.expect("back in the session")
    term.line("echo all-''there")
    term.expect("all-there")
    count = shown(term)
    assert sorted(count) == list(range(1, 12001))
    # Twice may come what was under way as it was left, and what stands on the screen.
    assert sum(count.values()) <= 12000 + FLIGHT + 2 * SCREEN, (left, count)
    end(term)


@pytest.mark.parametrize("options", [["--history", "all"], ["--history=all", "--history-time=0"]])
def test_all_of_it_is_shown_again_when_asked_for(host, options):
    term = window(host, 2, *options)
    term.expect(PROMPT)
    term.line("seq -f 'row-%g.' 1 12000; echo all-''there")
    term.expect("all-there")
    leave(term)
    term.expect("back in the session")
    term.line("echo here-''again")
    term.expect("here-again")
    assert set(shown(term).values()) == {2}
    end(term)


def test_a_line_says_how_much_older_there_is(host):
    left = host.shell()
    left.line("seq -f 'row-%g.' 1 12000; echo all-''there")
    left.expect("all-there")
    left.expect(PROMPT)
    left.type("\r~.")
    left.wait_exit()
    term = host.belay("--return=always")
    said = term.expect(re.compile(rb"\[belay: (\d+) older rows are kept: --history all shows them\]"))
    term.expect("all-there")
    term.expect("ready$")       # blanks at the end of a row are not drawn
    count = shown(term)
    older = int(said[1])
    assert sorted(count) == list(range(12001 - len(count), 12001)) and len(count) >= 9900
    # A few rows are the login's.
    assert 12000 <= older + len(count) <= 12000 + SCREEN
    assert set(count.values()) == {1}
    host.finish(term)


WINCH = r'''trap 'echo dr''awn' WINCH; printf '\033Pq#0;2;0;0;0~\033\\'; echo sh''own; while :; do sleep 0.1; done'''


@pytest.mark.parametrize(("options", "image", "drawn"), [
    ([], True, True), ([], False, False), (["--redraw=always"], False, True),
    (["--redraw=never"], True, False)])
def test_the_program_draws_anew_what_only_it_can(host, options, image, drawn):
    left = host.shell()
    left.line(f"cat >draws <<'E'\n{WINCH if image else WINCH.replace('Pq', 'P+q')}\nE")
    left.expect("E\r\n")
    left.line("sh draws")
    left.expect("shown")
    left.type("\r~.")
    left.wait_exit()
    term = host.belay("--return=always", *options)
    term.expect("shown")
    if drawn:
        term.expect("drawn")
    term.type("\x03")
    term.expect(PROMPT)
    assert (b"drawn" in term.raw) == drawn
    host.finish(term)
