"""fluksoctl as tests run it: as scripts do, and on a terminal."""
import json
import os
import subprocess
from typing import NamedTuple

from helpers import BUILD, SANITIZER, TIMEOUT
from terminal import Terminal

FLUKSOCTL = BUILD / "fluksoctl"
OK, REFUSED, USAGE, UNREACHABLE = range(4)  # exit codes


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()


class Ctl:
    """ctl("token", "add", "x") is Done without a terminal; ctl.terminal(...) is a Terminal with the program on it."""

    def __init__(self, socket, folder):
        self.socket, self.folder, self.terminals = str(socket), folder, []
        self.env = {"FLUKSOD_SOCKET": self.socket, "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def __call__(self, *words, stdin="", expect=OK, env=None, **options):
        done = subprocess.run([FLUKSOCTL, *map(str, words)], input=stdin, capture_output=True, text=True,
                              timeout=TIMEOUT, cwd=self.folder, env={**os.environ, **self.env, **(env or {})}, **options)
        report = SANITIZER.search(done.stderr)
        assert not report, done.stderr
        assert expect in (None, done.returncode), f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return Done(done.returncode, done.stdout, done.stderr)

    def terminal(self, *words, env=None, **options):
        self.terminals.append(Terminal([FLUKSOCTL, *words], {**self.env, **(env or {})}, cwd=self.folder, **options))
        return self.terminals[-1]

    def on_terminal(self, *words, expect=OK, **options):
        """What it writes there, without colours; it needs no key."""
        t = self.terminal(*words, **options)
        code = t.wait()
        assert expect in (None, code), f"{words} ended with {code}:\n{t.text}"
        return t.plain

    def close(self):
        for t in self.terminals:
            t.close()
