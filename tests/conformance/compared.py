"""Every option of ssh(1) and every keyword of ssh_config(5), played with ssh and with belay.

A row is "same" when both did the same: status, output, errors, what the probe found on the
host.  What differs on purpose has its reason here, and in doc/CONFORMANCE.md; what takes more
than one run to see is named with the test that plays it.  Run by tests/conformance/run.
"""

import pathlib
import re
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/e2e"))

from harness import belay_path, tables      # noqa: E402

# Also what belay says in its own words, or that ssh alone says.
REMARKS = re.compile(rb"(belay: )?Pseudo-terminal will not be allocated because stdin is "
                     rb"not a terminal\.\r*\n|Connection to [\w.]+ closed\.\r*\n")
UNKNOWN = re.compile(rb"(unknown|illegal) option|Bad configuration option")
PROBE = ("echo out; echo err >&2; tty; env | sed -n 's/^\\(LC_ROW=.*\\)/\\1/p; "
         "s/^\\(SSH_AUTH_SOCK\\|DISPLAY\\|SSH_TTY\\)=.*/\\1/p' | sort; wc -c; exit 3")

# A letter's words; {dir} is the host's directory, {port} sshd's.
LETTERS = {
    "1": "-1", "2": "-2", "4": "-4", "6": "-6", "A": "-A", "a": "-a", "B": "-B lo",
    "b": "-b 127.0.0.1", "C": "-C", "c": "-c aes128-ctr", "e": "-e none", "F": "-F {cfg}",
    "f": "-f", "G": "-G", "g": "-g", "I": "-I /no/such", "i": "-i {keys}/client",
    "J": "-J testhost", "K": "-K", "k": "-k", "l": "-l tester", "M": "-M",
    "m": "-m hmac-sha2-256", "n": "-n", "O": "-O check", "o": "-o BatchMode=yes",
    "P": "-P tag", "p": "-p {port}", "Q": "-Q cipher", "q": "-q", "S": "-S none", "T": "-T",
    "t": "-t", "V": "-V", "X": "-X", "x": "-x", "Y": "-Y", "y": "-y",
    "Z": "-Z"}
# A keyword's value; what ssh would not start with is refused by both.
KEYWORDS = {
    "addkeystoagent": "no", "batchmode": "yes", "bindaddress": "127.0.0.1",
    "bindinterface": "lo", "canonicaldomains": "example.org",
    "canonicalizefallbacklocal": "yes", "canonicalizehostname": "no",
    "canonicalizemaxdots": "2", "canonicalizepermittedcnames": "*.a:*.b",
    "casignaturealgorithms": "ssh-ed25519", "certificatefile": "/no/such",
    "challengeresponseauthentication": "no", "checkhostip": "yes", "cipher": "blowfish",
    "ciphers": "aes128-ctr", "compression": "yes", "compressionlevel": "6",
    "connectionattempts": "2", "connecttimeout": "20", "controlmaster": "no",
    "controlpath": "{dir}/control", "controlpersist": "no", "dsaauthentication": "yes",
    "enablesshkeysign": "no", "escapechar": "none", "fingerprinthash": "md5",
    "forwardagent": "yes", "forwardx11": "yes", "forwardx11timeout": "5",
    "forwardx11trusted": "no", "globalknownhostsfile": "/dev/null",
    "gssapiauthentication": "no", "gssapiclientidentity": "me",
    "gssapidelegatecredentials": "no", "gssapikexalgorithms": "gss-group14-sha256-",
    "gssapikeyexchange": "no", "gssapirenewalforcesrekey": "no",
    "gssapiserveridentity": "me", "gssapitrustdns": "no", "hashknownhosts": "yes",
    "host": "elsewhere", "hostbasedacceptedalgorithms": "ssh-ed25519",
    "hostbasedauthentication": "no", "hostbasedkeytypes": "ssh-ed25519",
    "hostkeyalgorithms": "ssh-ed25519", "hostkeyalias": "testhost", "hostname": "localhost",
    "identitiesonly": "yes", "identityagent": "none", "identityfile": "{keys}/stranger",
    "ignoreunknown": "NoSuch*\nNoSuchWord yes", "include": "{dir}/none*", "ipqos": "cs1 cs0",
    "kbdinteractiveauthentication": "no", "kbdinteractivedevices": "none",
    "kerberosauthentication": "no", "kerberostgtpassing": "no",
    "kexalgorithms": "curve25519-sha256", "knownhostscommand": "/bin/true",
    "localcommand": "echo local\nPermitLocalCommand yes",
    "loglevel": "QUIET", "logverbose": "none",
    "macs": "hmac-sha2-256", "match": "host testhost",
    "nohostauthenticationforlocalhost": "yes", "numberofpasswordprompts": "1",
    "passwordauthentication": "no", "permitlocalcommand": "yes\nLocalCommand echo local >&2",
    "pkcs11provider": "none", "port": "1", "preferredauthentications": "publickey",
    "protocol": "2", "proxycommand": "/bin/false", "proxyjump": "none",
    "proxyusefdpass": "no", "pubkeyacceptedalgorithms": "ssh-ed25519",
    "pubkeyacceptedkeytypes": "ssh-ed25519", "pubkeyauthentication": "no",
    "refuseconnection": "row", "rekeylimit": "1M 1m", "remotecommand": "date",
    "requesttty": "no",
    "requiredrsasize": "2048", "revokedhostkeys": "/no/such",
    "rhostsrsaauthentication": "no", "rsaauthentication": "no",
    "securitykeyprovider": "internal", "sendenv": "LC_ROW", "sessiontype": "subsystem",
    "serveralivecountmax": "2",
    "serveraliveinterval": "5", "setenv": "LC_ROW=set", "smartcarddevice": "none",
    "stdinnull": "yes", "streamlocalbindmask": "0111", "streamlocalbindunlink": "yes",
    "stricthostkeychecking": "yes", "syslogfacility": "AUTH", "tag": "row",
    "tcpkeepalive": "no", "tunnel": "no", "tunneldevice": "1:1", "updatehostkeys": "no",
    "usekeychain": "yes", "useprivilegedport": "no", "user": "nobody-here",
    "userknownhostsfile": "/dev/null", "useroaming": "no", "verifyhostkeydns": "no",
    "versionaddendum": "row", "visualhostkey": "yes", "warnweakcrypto": "no",
    "xauthlocation": "/no/such"}
# Played by a test of its own.
PLAYED = {
    "-D": "test_where_it_listens", "-L": "test_where_it_listens", "-N": "test_nocommand.py",
    "-R": "test_where_the_host_may_lead_to", "-s": "test_commands.py",
    "-W": "test_stdio", "addressfamily": "test_where_it_listens",
    "channeltimeout": "test_what_only_ssh_can_carry_out",
    "clearallforwardings": "test_all_forwards_cleared",
    "dynamicforward": "test_where_it_listens",
    "exitonforwardfailure": "test_a_port_that_is_taken",
    "forkafterauthentication": "test_in_the_background_once_it_listens",
    "gatewayports": "test_where_it_listens", "localforward": "test_from_the_configuration",
    "permitremoteopen": "test_where_the_host_may_lead_to",
    "remoteforward": "test_from_the_configuration"}
# Why, as in doc/CONFORMANCE.md.
DIFFERS = {
    "-v": "belay tells, too, what it does",
    "-E": "belay's own words go to the terminal, not to the log",
    "-w": "the link's ssh makes it anew with each connection, and says later words to nobody",
    "enableescapecommandline": "~C is there whatever it says",
    "obscurekeystroketiming": "does not apply: the link has no terminal"}


def rows():
    """Name, by kind; all that the client's tables have."""
    known = tables()
    return ["-" + letter for letter in sorted(known.letters)] + sorted(known.keywords)


def result(done):
    errors = REMARKS.sub(b"", done.stderr).replace(b"\r\n", b"\n")
    return done.returncode, done.stdout, errors


def play(host, name):
    """What both did: two results."""
    fill = {"dir": host.dir, "cfg": host.cfg, "keys": host.keys, "port": host.proxy.port}
    words, extra = [], ""
    if name.startswith("-"):
        words = LETTERS[name[1]].format(**fill).split()
    else:
        extra = f"{name} {KEYWORDS[name].format(**fill)}\n"
    host.configure(extra)
    done = [host.piped([program, "-F", host.cfg, *words, "testhost", PROBE], b"typed",
                       env={"LC_ROW": "sent"}) for program in ("ssh", belay_path())]
    return list(map(result, done))


def run(host, name):
    """A row's verdict: "passed", "failed" or "skipped", and the words."""
    if name in DIFFERS:
        return "passed", f"differs on purpose: {DIFFERS[name]}"
    if name in PLAYED:
        return "passed", f"same, played by {PLAYED[name]}"
    ssh, belay = play(host, name)
    if ssh == belay and UNKNOWN.search(ssh[2]):
        return "skipped", "this ssh does not know it"
    if ssh == belay:
        return "passed", "same" if ssh[0] == 3 else f"same (both end with {ssh[0]})"
    return "failed", f"DIFFERS: ssh {ssh}, belay {belay}"
