"""Environments in which a program's clocks run fast or are set, by libfaketime. (The faketime command would stand between
the program and its signals.) A sanitizer is told not to mind the preloaded library."""
import glob
import os


def _preloaded(**more):
    library, = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    return {"LD_PRELOAD": library, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0", **more}


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
        beside = self.file.with_suffix(".new")
        beside.write_text(text)
        beside.rename(self.file)
