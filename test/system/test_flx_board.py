"""The daemon and an FLX board: its line, its clock, its waveforms, and what is recorded of it."""
import fcntl
import os
import re
import select
import signal
import sys
import termios
import time

import pytest

import flx_frames
from helpers import HOUSEHOLD, Gateway, scaled, wait_until
from job_calls import run
from test_replay import replay

TIOCGEXCL = 0x80045440  # not in Debian 12's termios module
DEVICE = f"/device/{Gateway.DEVICE}"


def number(g, name):
    return int(re.search(rf"^fluksod_{re.escape(name)} (-?\d+)$", g.get("/metrics")[2], re.M)[1])


@pytest.fixture
def line():
    """Both ends of a pseudo-terminal; the test is the board."""
    master, slave = os.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def taken(master, reader, until, timeout=30):
    """The frames that come, until one of kind `until` has."""
    frames = []
    deadline = time.monotonic() + timeout
    while until not in [kind for kind, _ in frames]:
        assert time.monotonic() < deadline, frames
        if select.select([master], [], [], 0.1)[0]:
            frames += reader.feed(os.read(master, 4096))
    return frames


def test_the_line_and_what_is_said_on_it(gateway, broker, line):
    """460800 8N1, raw, without flow control, for us alone; first configuration, kube control and ping, last exit."""
    master, slave = line
    g, reader = gateway(os.ttyname(slave), broker.port, protocol="flx"), flx_frames.Reader()
    g.start()
    first = taken(master, reader, flx_frames.PING)
    iflag, oflag, cflag, lflag, ispeed, ospeed, _ = termios.tcgetattr(slave)
    assert ispeed == ospeed == termios.B460800
    assert cflag & termios.CSIZE == termios.CS8
    assert cflag & (termios.PARENB | termios.CSTOPB | termios.CRTSCTS | termios.HUPCL) == 0
    assert iflag & (termios.IXON | termios.IXOFF | termios.ICRNL | termios.ISTRIP) == 0 and not oflag & termios.OPOST
    assert lflag & (termios.ICANON | termios.ECHO | termios.ISIG) == 0
    assert int.from_bytes(fcntl.ioctl(slave, TIOCGEXCL, b"\0\0\0\0"), sys.byteorder)
    assert [kind for kind, _ in first] == [flx_frames.PORT_CONFIG, flx_frames.KUBE_CONTROL, flx_frames.PING]
    assert first[0][1][6::8][:7] == bytes([1, 1, 1, 1, 1, 0, 0])  # which ports are on
    g.daemon.signal(signal.SIGTERM)
    assert taken(master, reader, flx_frames.EXIT)[-1] == (flx_frames.EXIT, b"")
    assert g.daemon.wait() == 0
    assert reader.bad == reader.skipped == 0


def test_a_recording_replays_to_what_was_published(board, broker, gateway, subscribe, folder):
    sim, heard = board("--board", "flx", "--start", "07:11"), subscribe(broker.port)
    g = gateway(sim.link, broker.port, protocol="flx")
    record = folder / "line.txt"
    g.start("--record", record)
    g.daemon.wait_for_line("board: polling, FLX on ")
    sim.do("pulse 4 3", "aim all", "corrupt 1")
    heard.wait_for(r"/sensor/.*/gauge", count=120)
    g.stop()
    live = {(m.topic.split("/")[2], m.topic.split("/")[3], *m.json[:2]) for m in heard.of(r"/sensor/.*/(gauge|counter)")}
    code, readings, err = replay(record, "-c", g.file)
    assert code == 0 and "1 pieces refused" in err
    again = {(r["sensor"], r["kind"], r["time"], r["value"]) for r in readings}
    assert live <= again, sorted(live - again)[:20]
    assert len(live) > 120
    # What it holds, it shows without any settings: clamps and pulses by their ports.
    code, readings, _ = replay(record)
    assert code == 0 and {r["unit"] for r in readings} >= {"W", "Wh", "V", "A"}
    assert len(readings) >= len(live)


def test_waveforms_and_clocks(running):
    def on(settings):
        settings["board"]["waveforms"] = True

    g, _, _, heard = running("--board", "flx", "--waveforms", "40", settings=on)
    for topic, unit in [("voltage/1", "mV"), *((f"current/{n}", "mA") for n in (1, 2, 3))]:
        one = heard.wait_for(f"{DEVICE}/flx/{topic}", count=3)[0]
        (s, ms), samples, said = one.json
        assert abs(s - time.time()) < 10 and 0 <= ms < 1000 and len(samples) == 32 and said == unit
        assert not one.retained
    stamp = heard.wait_for(f"{DEVICE}/flx/time")[-1].json
    assert all(abs(s - time.time()) < 10 for s in stamp)
    g.settings["board"]["waveforms"] = False
    g.reload()
    g.daemon.wait_for_line(r"in force \(generation 2\)")
    before = len(heard.of(f"{DEVICE}/flx/(voltage|current)/."))
    heard.wait_for(f"{DEVICE}/flx/time", count=len(heard.of(f"{DEVICE}/flx/time")) + 3)
    assert len(heard.of(f"{DEVICE}/flx/(voltage|current)/.")) <= before + 10  # what was under way


@pytest.mark.timeout(900)
def test_no_frame_is_lost_at_full_pace(running):
    """100 frames of samples a second beside all else, for ten minutes: each that was sent is counted, and published."""
    def on(settings):
        settings["board"]["waveforms"] = True

    g, sim, _, heard = running("--board", "flx", "--waveforms", "100", settings=on)
    kinds, waves, topics = ("voltage", "current", "ct"), scaled(60_000), f"{DEVICE}/flx/(voltage|current)/."

    def still():
        """What was sent and what was counted of each kind, once nothing is under way."""
        def counted():
            return [number(g, f'board_frames_total{{type="{kind}"}}') for kind in kinds], len(heard.of(topics))
        sim.do("speed 0")
        before = counted()
        while (now := counted()) != before:
            before = now
            time.sleep(1)
        sent = sim.stats()["sent"]
        return [sent.get(kind, 0) for kind in kinds], *now

    sent0, got0, heard0 = still()
    sim.do("speed 1")
    wait_until(lambda: sum(sim.stats()["sent"].get(kind, 0) for kind in ("voltage", "current")) >= sum(sent0[:2]) + waves,
               f"{waves} frames of samples", timeout=800, every=1)
    sent, got, published = still()
    assert [b - a for a, b in zip(got0, got)] == [b - a for a, b in zip(sent0, sent)]
    assert published - heard0 == sum(got[:2]) - sum(got0[:2]) >= waves
    assert number(g, 'board_refused_total{why="check"}') == number(g, "board_skipped_bytes_total") == 0
    assert number(g, "board_messages_dropped_total") == 0


def test_a_board_that_is_away_and_comes_back(running):
    g, sim, _, _ = running("--board", "flx")
    assert g.status()["facts"]["board"]["reason"].startswith("FLX on ")
    sim.do("silent on")
    g.daemon.wait_for_line(r"warning: board: .*: lost: ")
    facts = g.status()["facts"]
    assert not facts["board"]["on"] and not facts["heartbeat"]["on"] and facts["board"]["reason"]
    sim.do("silent off")
    g.daemon.wait_for_line("board: polling", nth=2)
    sim.do("reset forget")  # it asks, and is told
    wait_until(lambda: number(g, "board_writes_total") >= 3 and sim.stats()["state"] == "measures", "its configuration")
    wait_until(lambda: g.status()["facts"]["heartbeat"]["on"], "its heartbeat")


def test_a_synchronisation(running):
    g, sim, _, _ = running("--board", "flx")
    one = run(g, "sync")["result"]["board"]
    assert one["ok"] and one["text"] == "successful: its configuration was sent, and it asks for none"
    assert number(g, "board_writes_total") == 2
    assert run(g, "selftest")["lines"][0].startswith("board: ok: FLX on ")
    sim.do("silent on")
    one = run(g, "sync")["result"]["board"]
    assert one["code"] == 3 and "pong" in one["text"], one


def test_one_board_after_another(board, broker, gateway):
    """The daemon need not be started anew for another kind of board, or for none."""
    flx, flm02 = board("--board", "flx"), board()
    g = gateway(flx.link, broker.port, protocol="flx")
    g.start()
    g.daemon.wait_for_line("board: polling, FLX on ")
    g.settings["board"] = {"protocol": "flm02", "device": flm02.link}
    del g.settings["ports"], g.settings["phase"]
    g.settings["sensors"] = [{**sensor, "enable": True} for sensor in HOUSEHOLD]
    g.reload()
    g.daemon.wait_for_line("board: polling, hardware 2.1 on ")
    assert number(g, "board_polls_total") >= 0 and "fluksod_board_pings_total" not in g.get("/metrics")[2]
    g.settings["board"] = {"protocol": "none"}
    g.reload()
    wait_until(lambda: g.status()["facts"]["board"]["reason"] == "no board is set up", "no board")
    g.settings["board"] = {"protocol": "flx", "device": flx.link}
    del g.settings["sensors"]
    g.settings["ports"] = Gateway.household("flx")["ports"]
    g.reload()
    g.daemon.wait_for_line("board: polling, FLX on ", nth=2)
    assert number(g, "board_pongs_total") >= 1


# ---- its clock, when the host's was never set ----

@pytest.fixture
def unset(kernel_clock, running):
    """unset(set_host_clock, settable) is (gateway, board, subscriber): the host believes that it is 1970."""
    def start(set_host_clock, settable=False):
        kernel_clock.set(False, 1000 - int(time.time()), settable)

        def change(settings):
            settings["board"]["set_host_clock"] = set_host_clock

        g, sim, _, heard = running("--board", "flx", settings=change)
        return g, sim, heard
    return start


def test_readings_bear_the_board_s_time(unset, kernel_clock):
    g, _, heard = unset(False)
    one = heard.wait_for(r"/sensor/.*/gauge", count=20)[-1]
    assert abs(one.json[0] - time.time()) < 10
    assert g.status()["clock"]["state"] == "unset" and kernel_clock.ahead < -1_000_000_000
    assert g.daemon.count("clock cannot be set") == 0


def test_a_clock_that_may_not_be_set(unset, kernel_clock):
    g, sim, heard = unset(True)
    g.daemon.wait_for_line("board: this host's clock cannot be set to the board's: Operation not permitted")
    before = sim.stats()["sent"]["time_stamp"]
    wait_until(lambda: sim.stats()["sent"]["time_stamp"] >= before + 4, "some seconds")
    assert g.daemon.count("clock cannot be set") == 1
    assert heard.of(r"/sensor/.*/gauge")
    assert kernel_clock.ahead < -1_000_000_000


def test_a_clock_that_is_set(unset, kernel_clock):
    g, _, heard = unset(True, settable=True)
    g.daemon.wait_for_line("board: this host's clock was set to the board's")
    assert abs(kernel_clock.ahead) < 10
    wait_until(lambda: g.status()["clock"]["state"] == "local", "a clock")
    heard.wait_for(r"/sensor/.*/gauge", count=60)
    assert g.daemon.count("clock was set") == 1
    assert number(g, "board_time_steps_total") == 0
