"""Telegram lines that a test writes to itself: terminals with bytes that meters in the field once sent."""
import os
import termios
import time
import tty


class Wire:
    """A terminal; .device is what fluksod opens. What it does not read in time is lost, as on a line."""

    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.device = os.ttyname(self.slave)

    def put(self, data, chunk=None):
        """The bytes as they are; `chunk`: in pieces of so many."""
        for i in range(0, len(data), chunk or len(data)):
            piece = data[i:i + (chunk or len(data))]
            deadline = time.monotonic() + 10
            while piece:
                try:
                    piece = piece[os.write(self.master, piece):]
                except BlockingIOError:
                    assert time.monotonic() < deadline, f"{self.device} takes nothing"
                    time.sleep(0.01)

    def baud(self):
        return termios.tcgetattr(self.slave)[5]

    def close(self):
        os.close(self.master)
        os.close(self.slave)


def settings(key, wire, protocol, **more):
    return {"key": key, "name": key, "device": wire.device, "protocol": protocol, **more}
