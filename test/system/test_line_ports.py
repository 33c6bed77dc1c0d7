"""Ports of lines with telegrams: serial ones that come and go, TCP servers that hang up, are away or have no name, the board's
own."""
import socket
import time

import pytest

from api import numbers, started
from helpers import BUILD, METERS, wait_until, with_file
from line_rig import House, house, line, pty, server  # noqa: F401  (fixtures)
from line_meters import energy, p1


def test_a_port_that_is_pulled_and_plugged(house, pty):
    """Pitfall 16."""
    meter = pty()
    h = house(line(meter.link))
    h.wait_state(silent=1)
    meter.send(p1(*energy()))
    h.wait_state(ok=1)
    meter.unplug()
    h.g.daemon.wait_for_line(r"line grid: \S+: the line hung up; trying again")
    h.wait_state(down=1)
    assert h.number("line_up") == 0
    meter.plug()
    h.wait_state(silent=1)
    meter.send(p1(*energy(watts=777), unix_s=time.time() + 5))
    h.wait("grid", 777)
    h.wait_state(ok=1)


def test_a_port_that_is_not_there(house, folder):
    h = house(line(str(folder / "nowhere")))
    h.g.daemon.wait_for_line(r"line grid: \S+nowhere: cannot open it: No such file or directory; trying again")
    h.wait_state(down=1)
    h.g.stop()


def test_formats(house, pty):
    """A pseudo-terminal keeps eight bits; it says whether parity is looked at."""
    ends = {name: pty(name) for name in ("tic", "d0", "old")}
    h = house(line(ends["tic"].link, "tic-historique", key="tic"), line(ends["d0"].link, "d0", key="d0"),
              line(ends["old"].link, key="old", baud=9600, format="7E1"))
    h.wait_state(silent=3)
    assert {name: end.settings() for name, end in ends.items()} == {"tic": (9, True), "d0": (13, True), "old": (13, True)}


def test_behind_tcp(house, server):
    h = house(line({"tcp": {"host": "localhost", "port": server.port}}))
    h.g.daemon.wait_for_line(rf"line grid: localhost:{server.port}: connected")
    wait_until(lambda: server.clients, "the daemon")
    server.send(p1(*energy(watts=321)))
    h.wait("grid", 321)
    h.wait_state(ok=1)
    server.hang_up()
    h.g.daemon.wait_for_line(rf"line grid: localhost:{server.port}: the other end closed the connection; trying again")
    h.g.daemon.wait_for_line(rf"line grid: localhost:{server.port}: connected", nth=2)
    wait_until(lambda: server.clients, "the daemon")
    time.sleep(1)
    server.send(p1(*energy(watts=322)))
    h.wait("grid", 322)
    server.away()
    h.g.daemon.wait_for_line(rf"line grid: localhost:{server.port}: connection refused; trying again")
    h.wait_state(down=1)
    server.back()
    h.wait_state(silent=1)
    h.g.stop()


def test_a_server_that_greets_and_hangs_up(house):
    """Like ser2net while another client has its port: it is not called ever faster than one that is away."""
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as busy:
        busy.settimeout(30)
        house(line({"tcp": {"host": "127.0.0.1", "port": busy.getsockname()[1]}}))
        while len(calls) < 5:
            client, _ = busy.accept()
            calls.append(time.monotonic())
            with client:
                client.sendall(b"Port already in use\r\n")
    assert calls[-1] - calls[0] > 6  # 0.5, 1, 2, 4 s


def test_a_name_that_leads_nowhere(house):
    name = "x" * 64 + ".local"  # no name server is asked: it is longer than a name may be
    h = house(line({"tcp": {"host": name, "port": 23}}))
    h.g.daemon.wait_for_line(rf"line grid: {name}:23: {name}: .*; trying again")
    h.wait_state(down=1)
    h.g.stop()


def test_the_boards_port(board, gateway, broker):
    """S4: its bytes come with the board's polls; without a line they are counted, and that is said."""
    sim = board()
    g = gateway(sim.link, broker.port)
    g.settings["flukso"] = {"enable": False}
    started(g)
    h = House(g)
    assert h.states() == {"off": 0, "down": 0, "silent": 0, "ok": 0}
    g.daemon.wait_for_line("board: polling")
    sim.do("uart 2f0d0a")
    g.daemon.wait_for_line("no line reads them")
    g.settings["lines"] = [line({"board": True})]
    g.reload()
    h.wait_state(silent=1)
    data = p1(*energy(watts=654))
    for at in range(0, len(data), 32):  # as much as the board keeps
        before = h.number("line_bytes_total")
        sim.do("uart " + data[at:at + 32].hex())
        wait_until(lambda: h.number("line_bytes_total") == before + len(data[at:at + 32]), "the board's bytes", every=0.1)
    h.wait("grid", 654)
    h.wait_state(ok=1)
    g.settings["lines"] = []
    g.reload()
    wait_until(lambda: sum(h.states().values()) == 0, "no line")
    sim.do("uart 2f0d0a")
    wait_until(lambda: numbers(g, "board_uart_unread_total")[""] >= 4, "bytes that nobody reads")
    g.stop()


def test_a_name_server_that_says_nothing_holds_up_nobody(gateway, broker, folder):
    """Pitfall 15: a look-up may last half a minute; people are answered meanwhile, and the end comes at once."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:20 attempts:3\n")
    g = gateway(None, broker.port)
    g.settings.pop("sensors")
    g.settings |= {"flukso": {"enable": False},
                   "lines": [line({"tcp": {"host": f"meter{i}.example", "port": 23}}, key=f"m{i}") for i in range(8)]}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        try:
            mute.bind(("127.0.0.1", 53))
        except OSError:
            pytest.skip("needs port 53 of a network of its own")
        g.daemon = g.spawn([*with_file(folder / "resolv.conf", "/etc/resolv.conf"), BUILD / "fluksod", "--meters", METERS,
                            "-c", g.write()], name="fluksod")
        mute.settimeout(10)
        asked = set()
        while len(asked) < 8:  # all at once, none waits for another
            asked.add(mute.recv(512).partition(b"meter")[2][:1])
        start = time.monotonic()
        assert g.status()["lines"] == {"off": 0, "down": 8, "silent": 0, "ok": 0}
        g.settings["lines"] = g.settings["lines"][:4]
        g.reload()
        wait_until(lambda: g.status()["lines"]["down"] == 4, "four lines")
        g.stop()
        assert time.monotonic() - start < 10
