#!/usr/bin/python3
"""From the README to a session that survives, in clean roots of other systems.

    tests/conformance/roots.py [SUITE ...]      of Debian: bullseye bookworm trixie

As root, by debootstrap.  In each root that is made anew belay is installed in each way that the README
has (WAYS), and a session is opened from there, by that system's ssh, to a private sshd outside; its
connection is cut.  The seconds are those from the first command to the first answer behind the cut;
what apt fetches is among them.  The unit is shown to that system's systemd.  Ends with a line
"N passed, N failed, N skipped".
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/e2e"))

import harness                  # noqa: E402

SUITES = ("bullseye", "bookworm", "trixie")
MIRROR = "http://deb.debian.org/debian"
ROOTS = REPO / "build/deps/roots"
ARCHIVE = next((REPO / "build/dist").glob("belay-*.tar.gz"), None)
APT = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends"
# What is copied into the root's /root, what is done there, and where belay is then.
WAYS = {
    "release": ([ARCHIVE], f"{APT} gcc libc6-dev make gzip openssh-client && "
                "{ apt-get -qq install -y libbearssl-dev || true; } && tar xzf belay-*.tar.gz && cd belay-*/ && make -s -j2 && make -s install",
                "/usr/local/bin/belay"),
    "package": (list((REPO / "build/deb").glob("belay_*.deb")), f"{APT} ./belay_*.deb", "/usr/bin/belay"),
    "static": ([REPO / "build-static/belay", REPO / "build-static/servers"],
               f"{APT} openssh-client", "/root/belay"),
}
# The package is for the libc that it was built with.
NEEDS = {"package": lambda suite: suite != "bullseye"}
# In a namespace of its own: nothing is mounted when it has ended.
INSIDE = ('for d in dev tmp; do mount --rbind "/$d" "$0/$d"; done; mount -t proc proc "$0/proc"; '
          'exec chroot "$0" "$@"')


def argv_inside(root, *argv):
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", INSIDE, root, *argv]


def clean_root(suite, place):
    """A copy of what debootstrap has made once."""
    base = ROOTS / suite
    if not (base / "etc/debian_version").exists():
        shutil.rmtree(base, ignore_errors=True)
        ROOTS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["debootstrap", "--variant=minbase", suite, base, MIRROR], check=True,
                       capture_output=True)
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run(["cp", "-a", base, place], check=True)


def install(root, way):
    files, script, program = WAYS[way]
    for path in files:
        (shutil.copytree if path.is_dir() else shutil.copy)(path, root / "root" / path.name)
    subprocess.run(argv_inside(root, "sh", "-c", f"cd /root && {script}"), check=True,
                   capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": "/root"})
    return program


def session(root, program):
    """A shell that goes on behind a cut."""
    host = harness.Host()
    try:
        options = harness.belay_argv(host)[1:]
        term = host.start(argv_inside(root, program, *options), env={"BELAY_SERVERS": None})
        term.expect(harness.PROMPT)
        term.line("mark=kept")
        term.expect(harness.PROMPT)
        assert host.proxy.cut()
        assert host.output_of(term, "echo $mark") == "kept\n"
        took = time.monotonic()
        host.finish(term)
    finally:
        left = host.close()
    assert not left, left
    return took


def unit(root):
    """What its systemd says of the unit, and which that is."""
    subprocess.run(argv_inside(root, "sh", "-c", f"{APT} systemd"), check=True, capture_output=True)
    done = subprocess.run(argv_inside(root, "sh", "-c", "systemctl --version | head -n 1; systemd-analyze verify "
                                      "--man=no --user $(find / -xdev -name belay@.service -path '*systemd*')"),
                          capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": "/root",
                                                               "XDG_RUNTIME_DIR": "/run"})
    lines = (done.stdout + done.stderr).splitlines()
    assert not [line for line in lines if "belay@" in line], lines
    return lines[0].split("(")[0].strip()


def one(suite, way):
    place = ROOTS / f"{suite}-{way}"
    clean_root(suite, place)
    began = time.monotonic()
    program = install(place, way)
    installed = time.monotonic()
    ended = session(place, program)
    text = f"{ended - began:.0f} s, of them {installed - began:.0f} to install"
    if way == "release":
        text += f"; the unit: {unit(place)}"
    shutil.rmtree(place)
    return text


def main():
    reason = harness.missing() or (os.getuid() and "needs root") or (
        not shutil.which("debootstrap") and "no debootstrap")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for suite in sys.argv[1:] or SUITES:
        for way in WAYS:
            how, text = "passed", ""
            missing = not all(path and path.exists() for path in WAYS[way][0]) or not WAYS[way][0]
            if reason or missing or not NEEDS.get(way, lambda _: True)(suite):
                how, text = "skipped", reason or ("not made" if missing else "its libc is older")
            else:
                try:
                    text = one(suite, way)
                except Exception as error:      # the others are to be seen, too
                    how, text = "failed", f"{type(error).__name__}: {error} {getattr(error, 'stderr', '')}"
            counts[how] += 1
            print(f"{suite:<10}{way:<10}{how}: {text}", flush=True)
    print(", ".join(f"{number} {how}" for how, number in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
