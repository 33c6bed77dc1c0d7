"""Environments in which a program's clocks run fast or are set, by libfaketime (the faketime command would stand between
the program and its signals), and in which the kernel says what a test wants of their synchronization. A sanitizer is
told not to mind the preloaded libraries."""
import glob
import os
import subprocess

from helpers import BUILD, joined


def preload(library, **more):
    return {"LD_PRELOAD": library, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0", **more}


def _preloaded(**more):
    library, = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    return preload(library, **more)


def fast(factor):
    """All clocks run `factor` times as fast."""
    return _preloaded(FAKETIME=f"+0 x{factor}")


class WallClock:
    """A wall clock to set while programs run that were started with .env; their monotonic clock is the host's.
    set("+0") is the host's time, set("-3600") an hour behind it, set("@1970-01-02 00:00:00") that moment."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.env = _preloaded(FAKETIME_TIMESTAMP_FILE=str(self.file), FAKETIME_DONT_FAKE_MONOTONIC="1",
                              FAKETIME_NO_CACHE="1")
        self.set("+0")

    def set(self, text):
        _replace(self.file, text)


class SharedClock:
    """One clock for all programs that are started with .env, however late: it runs `factor` times as fast, wall and
    monotonic alike, and jump(seconds) lets time pass for all of them at once."""

    def __init__(self, folder, factor):
        self.file, self.factor, self.ahead = folder / "shared-clock", factor, 0
        self._set()
        # The command makes the shared memory that the library needs to agree on when the clock began.
        self._keeper = subprocess.Popen(["faketime", "-f", "+0", "sh", "-c", "echo $FAKETIME_SHARED; exec cat"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        shared = self._keeper.stdout.readline().strip()
        self.env = _preloaded(FAKETIME_TIMESTAMP_FILE=str(self.file), FAKETIME_NO_CACHE="1", FAKETIME_SHARED=shared)

    def _set(self):
        _replace(self.file, f"{self.ahead:+} x{self.factor}")

    def jump(self, seconds):
        self.ahead += seconds
        self._set()

    def close(self):
        self._keeper.stdin.close()
        self._keeper.stdout.close()
        self._keeper.wait()


class KernelClock:
    """What programs that were started with .env are told by adjtimex(): is the clock synchronized? And by how many seconds
    their wall clock is wrong, theirs alone; settable: they may set it. Beside a clock of above: joined(kernel.env,
    clock.env), in this order. On the host itself the answer would depend on where tests run."""

    def __init__(self, folder, synced=False, ahead=0):
        self.file = folder / "kernel-clock"
        self.env = preload(str(BUILD / "test" / "libclock_shim.so"), FLUKSOD_TEST_CLOCK=str(self.file))
        self.set(synced, ahead)

    def set(self, synced, ahead=0, settable=False):
        _replace(self.file, f"{'synced' if synced else 'unsynced'} {ahead}{' settable' if settable else ''}")

    @property
    def ahead(self):
        return int(self.file.read_text().split()[1])


def _replace(file, text):
    """At no time does a reader find half of it."""
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.rename(file)
