"""The harness notices what it must: each case runs a small test that does wrong, in a pytest of its own, and sees it fail."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GUARDED = ["unshare", "--net", "--mount", str(HERE.parent / "guarded")]


def run_inner(folder, body, wrap=()):
    """The output of pytest on a test with this body."""
    test = folder / "test_inner.py"
    test.write_text("import os, signal, socket, subprocess, sys\nfrom helpers import *\n"
                    f"def test_inner(spawn, folder):\n    {body}\n")
    command = [*wrap, sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(HERE)}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def process(code):
    return f"spawn([sys.executable, '-c', {code!r}]).wait()"


CONNECT = "import socket; s = socket.socket({}); s.settimeout(0.2); s.connect_ex(('{}', {}))"


@pytest.mark.skipif("FLUKSOD_GUARD" not in os.environ, reason="no network of its own can be had here")
@pytest.mark.parametrize("code, seen", [
    (CONNECT.format("", "198.51.100.7", 1883), "tcp to 198.51.100.7 port 1883"),
    (CONNECT.format("socket.AF_INET6", "2001:db8:1::7", 443), "tcp to 2001:db8:1::7 port 443"),
    (CONNECT.format("type=socket.SOCK_DGRAM", "198.51.100.7", 123) + "; s.send(b'x')", "udp to 198.51.100.7 port 123"),
    ("import os; os.environ['RES_OPTIONS'] = 'timeout:1 attempts:1'; import socket\n"
     "try: socket.getaddrinfo('api.flukso.net', 80)\nexcept OSError: pass", "udp to 192.0.2.1 port 53"),
], ids=["tcp", "tcp6", "udp", "dns"])
def test_a_packet_that_leaves_loopback_fails_the_test(folder, code, seen):
    output = run_inner(folder, process(code), GUARDED)
    assert re.search(rf"AssertionError: a connection left loopback: .*{re.escape(seen)}\b", output), output
    assert "1 error" in output


def test_loopback_passes(folder):
    wrap = GUARDED if "FLUKSOD_GUARD" in os.environ else []
    output = run_inner(folder, process(CONNECT.format("", "127.0.0.1", 1)), wrap)
    assert "1 passed" in output and "error" not in output, output


@pytest.mark.parametrize("body, seen", [
    (process("import sys; sys.stderr.write('a.c:1:2: runtime error: signed integer overflow')"), "runtime error"),
    (process("import sys; sys.stderr.write('==1==ERROR: LeakSanitizer: detected memory leaks')"), "LeakSanitizer"),
    (process("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), "crashed (-11)"),
    ("spawn(['sh', '-c', 'echo up; exit 3']).wait_for_line('never')", "ended (3) before 'never'"),
    ("p = spawn(['sh', '-c', 'exit 3']); p.wait(); p.stop()", "ended with 3, not 0"),
    ("wait_until(lambda: False, 'the impossible', timeout=0.1)", "waited 0.1 s for the impossible"),
], ids=["ubsan", "lsan", "crash", "early end", "exit code", "wait"])
def test_what_goes_wrong_is_said(folder, body, seen):
    output = run_inner(folder, body)
    assert seen in output and re.search(r"1 (failed|error)", output), output


def test_no_process_outlives_its_test(folder):
    output = run_inner(folder, "print('PID', spawn(['sleep', '600']).pid); assert 0")
    pid = re.search(r"PID (\d+)", output)
    assert pid, output
    assert not os.path.exists(f"/proc/{pid[1]}")
