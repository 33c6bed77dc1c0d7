"""Programs on a terminal: a pseudo-terminal of a given size, and tmux, which also shows what a person would see."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from helpers import SANITIZER, TIMEOUT, wait_until


def _controls_it():
    """In the child: standard input is its terminal, whose hang-up it feels as a program of a person does (nohup does not)."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A program on a pseudo-terminal that is its controlling one. What it writes is kept as text."""

    def __init__(self, argv, env=None, columns=80, rows=24, cwd=None):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.popen = subprocess.Popen([str(word) for word in argv], stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
                                      env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})},
                                      start_new_session=True, preexec_fn=_controls_it)
        os.close(slave)
        self._raw = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self._raw += data

    @property
    def text(self):
        return self._raw.decode(errors="replace").replace("\r\n", "\n")

    @property
    def plain(self):
        """Without colours."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.text)

    def echoes(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, pattern, timeout=TIMEOUT):
        try:
            return wait_until(lambda: re.search(pattern, self.plain, re.M), f"{pattern!r} on the terminal", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is:\n{self.text}") from None

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self, timeout=TIMEOUT):
        """The exit code; all output is there then."""
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs; there is:\n{self.text}") from None
        self._reader.join(timeout)
        report = SANITIZER.search(self.text)
        assert not report, self.text
        return code

    def close(self):
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
        self._reader.join()
        os.close(self.master)


class Tmux:
    """One program in a tmux of its own."""

    def __init__(self, folder, columns=80, rows=24):
        self.socket, self.size = str(folder / "tmux"), (columns, rows)

    def _run(self, *words):
        env = {k: v for k, v in os.environ.items() if k != "TMUX"}
        done = subprocess.run(["tmux", "-u", "-f", "/dev/null", "-S", self.socket, *words], capture_output=True, text=True,
                              env={**env, "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *argv, env=None):
        """The program, then a line "ended: <its exit code>"."""
        columns, rows = map(str, self.size)
        variables = [word for key, value in (env or {}).items() for word in ("-e", f"{key}={value}")]
        self._run("new-session", "-d", "-x", columns, "-y", rows, *variables,
                  "sh", "-c", '"$@"; echo "ended: $?"; exec sleep 1000', "sh", *map(str, argv), ";",
                  "set-option", "-g", "window-size", "manual")
        return self

    def screen(self):
        return [line.rstrip() for line in self._run("capture-pane", "-p").splitlines()]

    def wait_for(self, pattern, timeout=TIMEOUT):
        try:
            return wait_until(lambda: re.search(pattern, "\n".join(self.screen()), re.M), f"{pattern!r} on the screen",
                              timeout, every=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is:\n" + "\n".join(self.screen())) from None

    def keys(self, *keys):
        self._run("send-keys", *keys)

    def resize(self, columns, rows):
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], stderr=subprocess.DEVNULL)
