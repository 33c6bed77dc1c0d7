"""Live streams with many sensors, over the services alone (httpd_probe): clients that do not keep up, and the loop."""
import contextlib
import json
import re
import selectors
import threading
import time

from event_stream import EventStream
from helpers import wait_until
from http_probe import Probe, request

SENSORS = 15000
STREAMS = 16  # src/app/streams.h
NAMED = "&".join(f"sensor={i:032x}" for i in range(100, 132))


def memory(probe):
    """KB that the process has in memory."""
    with open(f"/proc/{probe.proc.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


class Drain:
    """Clients that read as fast as they can and look at nothing; in one thread."""

    def __init__(self, sockets):
        self.bytes = 0
        self._go = True
        self._sockets = sockets
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        with selectors.DefaultSelector() as selector:
            for s in self._sockets:
                selector.register(s, selectors.EVENT_READ)
            while self._go:
                for key, _ in selector.select(0.1):
                    self.bytes += len(key.fileobj.recv(1 << 18))

    def stop(self):
        self._go = False
        self._thread.join()
        for s in self._sockets:
            s.close()


def test_who_falls_behind_is_told_and_who_stops_is_cut(spawn):
    """Two clients that take nothing for some seconds: one goes on, learns how many events it skipped, and gets new ones;
    one never does, and is cut. Nothing is kept for either."""
    probe = Probe(spawn, SENSORS, SENSORS)
    with EventStream(probe.port, f"/api/v1/live?{NAMED}") as few, \
            EventStream(probe.port, "/api/v1/live", receive_buffer=4096, reading=False) as slow, \
            EventStream(probe.port, "/api/v1/live", receive_buffer=4096, reading=False) as stopped:
        few.wait_for("reading", count=200)  # 32 a second; the ring and the windows are in use
        assert probe.number("streams") == 3
        before = memory(probe)
        few.wait_for("reading", count=600)
        slow.resume()
        skipped = slow.wait_for("skipped")[0]
        assert skipped.json["n"] > SENSORS
        after = slow.events[slow.events.index(skipped) + 1:] or slow.wait_for("reading", count=len(slow.events) + 1)
        meanwhile = [event for event in few.of("reading") if event.time <= after[0].time][-1]
        assert abs(after[0].json["time"] - meanwhile.json["time"]) <= 30  # this reader itself may be late on a busy machine
        assert memory(probe) - before < 4096
        wait_until(lambda: probe.number("streams") == 2, "the end of the one that stopped", timeout=60, every=1)
        stopped.resume()
        stopped.wait_for_end()
        assert not few.of("skipped")
        numbers = sorted(int(e.json["sensor"], 16) for e in few.of("reading")[:32])
        assert numbers == list(range(100, 132))  # each once before any comes again


def test_sixteen_streams_of_fifteen_thousand_sensors(spawn):
    """Whatever is asked meanwhile, the loop goes on."""
    probe = Probe(spawn, SENSORS, SENSORS)
    with contextlib.ExitStack() as stack:
        few = [stack.enter_context(EventStream(probe.port, f"/api/v1/live?{NAMED}")) for _ in range(4)]
        for _ in range(4):
            stack.enter_context(EventStream(probe.port, "/api/v1/live", receive_buffer=4096, reading=False))
        sockets = [probe.connect() for _ in range(STREAMS - 8)]
        for s in sockets:
            s.sendall(request("/api/v1/live"))
        drain = Drain(sockets)
        wait_until(lambda: probe.get(f"/api/v1/readings?sensor={200:032x}")[2] != "[]", "its first reading")
        for _ in range(10):
            code, _, body = probe.get(f"/api/v1/readings?sensor={200:032x}")
            assert code == 200 and len(json.loads(body)) == 60
            assert probe.get("/api/v1/log")[0] == 200
            assert probe.get("/api/v1/live")[0] == 503
            few[0].wait_for("reading", count=len(few[0].of("reading")) + 32)
        begin, taken = time.monotonic(), drain.bytes
        few[0].wait_for("reading", count=len(few[0].of("reading")) + 96)
        rate = (drain.bytes - taken) / (time.monotonic() - begin)
        drain.stop()
        for stream in few:
            assert not stream.of("skipped")
    skipped = json.loads(probe.get("/api/v1/status")[2])["numbers"]
    gap = probe.stop()
    print(f"longest gap of a 10 ms tick: {gap} ms; {rate / 1e6:.1f} MB/s to eight that take all; {skipped}")
    assert gap < 150  # sanitizers, on busy cores
