"""The Modbus TCP proxy of a bus: another program reads the meters of a line that fluksod has. It is read by pymodbus and
by frames made by hand; the meters are fluksosim's."""
import contextlib
import json
import socket
import struct
import time

import pytest
from pymodbus.client import ModbusTcpClient

import job_calls
from api import over_socket
from faked_time import fast
from helpers import free_port, wait_until
from simbus import SimBus

POWER, IMPORT, VOLTAGE = 0x34, 0x48, 0x00  # of an SDM630, float32, function 4
CLIENTS = 32  # at once, over all buses


class Client:
    """A connection to a proxy, by hand."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=10)

    def put(self, data):
        self.socket.sendall(data)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            assert part, f"closed after {data!r}"
            data += part
        return data

    def frame(self):
        """(transaction, unit, what is behind it)"""
        transaction, protocol, length, unit = struct.unpack(">HHHB", self.exactly(7))
        assert protocol == 0
        return transaction, unit, self.exactly(length - 1)

    def ask(self, unit, function, address, count, transaction=1):
        self.put(read(unit, function, address, count, transaction))
        got = self.frame()
        assert got[:2] == (transaction, unit)
        return got[2]

    def closed(self, timeout=10):
        """Was it closed by the other side, with nothing more said?"""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()


def request(pdu, unit=1, transaction=1):
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def read(unit, function, address, count, transaction=1):
    return request(struct.pack(">BHH", function, address, count), unit, transaction)


def float_of(pdu):
    assert pdu[:2] == b"\x04\x04", pdu
    return struct.unpack(">f", pdu[2:])[0]


@pytest.fixture
def client():
    """client(port) is a Client that is closed with the test."""
    with contextlib.ExitStack() as stack:
        def connect(port, **options):
            one = Client(port, **options)
            stack.callback(one.close)
            return one
        yield connect


class Site:
    """A gateway with a line of meters, each of the units in `known` in its settings, and a proxy."""

    def __init__(self, gateway, sim, known, **options):
        self.sim, self.port = sim, free_port()
        self.gateway = gateway()
        self.gateway.settings["buses"] = [{
            "key": "line1", "device": sim.lines["line1"], "baud": 9600, "proxy": {"port": self.port},
            "meters": [{"name": f"meter {unit}", "unit": unit, "model": "eastron-sdm630"} for unit in known]}]
        self.gateway.start(**options)
        self.gateway.daemon.wait_for_line("bus line1: proxy: 127.0.0.1 port .* listening")

    @property
    def bus(self):
        return self.gateway.settings["buses"][0]

    def metric(self, name):
        _, _, text = self.gateway.get("/metrics")
        return int(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"fluksod_{name} ")))


@pytest.fixture
def site(gateway, folder):
    """site(units on the line, units in the settings) is a Site that runs."""
    with contextlib.ExitStack() as stack:
        def make(units=(1, 2), known=(1,), speed=("--speed", "0", "--start", "12:00"), **options):
            sim = stack.enter_context(SimBus(folder, {"line1": [f"{unit}:eastron-sdm630:grid" for unit in units]}, *speed))
            return Site(gateway, sim, known, **options)
        yield make


def test_what_a_client_reads_is_what_the_meter_says(site):
    s = site()
    s.sim.advance(5000)
    client = ModbusTcpClient("127.0.0.1", port=s.port, timeout=10)
    assert client.connect()
    for unit in (1, 2):  # one that fluksod reads itself, one that it does not know
        truth = s.sim.truth(unit)
        for address, quantity, scale in ((POWER, "power", 1), (IMPORT, "energy_import", 1000), (VOLTAGE, "voltage_l1", 1)):
            answer = client.read_input_registers(address, 2, slave=unit)
            assert not answer.isError(), answer
            got = struct.unpack(">f", struct.pack(">2H", *answer.registers))[0] * scale
            assert got == pytest.approx(truth[quantity] / 1000, rel=1e-6)
        assert len(client.read_input_registers(0, 80, slave=unit).registers) == 80
    assert client.read_holding_registers(POWER, 2, slave=2).exception_code == 2  # the meter's own word
    client.close()


def test_nothing_but_reads_gets_through(site, client):
    s = site()
    one = client(s.port)
    for function in range(256):
        if function in (3, 4):
            continue
        one.put(request(bytes([function, 0, 1, 0, 1]), unit=2, transaction=function))
        assert one.frame() == (function, 2, bytes([function | 0x80, 1]))
    client_of_others = ModbusTcpClient("127.0.0.1", port=s.port, timeout=10)
    assert client_of_others.write_register(1, 2, slave=2).exception_code == 1
    assert client_of_others.write_registers(1, [2, 3], slave=2).exception_code == 1
    client_of_others.close()
    for pdu, code in ((struct.pack(">BHH", 3, 0, 0), 3), (struct.pack(">BHH", 4, 0, 126), 3),
                      (struct.pack(">BHH", 4, 65535, 2), 2), (b"\x04", 3), (b"\x03\0\0\0\1\0", 3)):
        one.put(request(pdu, unit=2))
        assert one.frame() == (1, 2, bytes([pdu[0] | 0x80, code]))
    assert s.sim.meter_stats(2)["requests"] == 0
    assert s.metric("bus_proxy_refused_total") == 254 + 2 + 5


def test_who_does_not_answer_is_told_of(site, client):
    s = site()
    one = client(s.port)
    s.sim.meter(2, "dead")
    assert one.ask(2, 4, POWER, 2) == b"\x84\x0b"
    assert one.ask(3, 4, POWER, 2) == b"\x84\x0b"
    for unit in (0, 248, 255):  # a broadcast, and units that a serial line cannot have
        assert one.ask(unit, 4, POWER, 2) == b"\x84\x0a"
    s.sim.meter(2, "alive")
    s.sim.meter(2, "corrupt")
    assert one.ask(2, 4, POWER, 2) == b"\x84\x0b"
    s.sim.meter(2, "exception", 4)
    assert one.ask(2, 4, POWER, 2) == b"\x84\x04"
    assert float_of(one.ask(2, 4, POWER, 2)) == pytest.approx(s.sim.truth(2)["power"] / 1000)
    s.sim.unplug()
    wait_until(lambda: one.ask(1, 4, POWER, 2) == b"\x84\x0a", "the word that the line is away")
    s.sim.replug()
    wait_until(lambda: one.ask(1, 4, POWER, 2)[0] == 4, "an answer of the line that is back")


def test_requests_in_any_pieces_are_answered_in_order(site, client):
    s = site()
    one = client(s.port)
    many = b"".join(read(1 + n % 2, 4, 2 * n, 2, transaction=n) for n in range(40))
    for at in range(0, 60):
        one.put(many[at:at + 1])
    one.put(many[60:])
    for n in range(40):
        transaction, unit, pdu = one.frame()
        assert (transaction, unit, pdu[:2]) == (n, 1 + n % 2, b"\x04\x04")
    for broken in b"GET / HTTP/1.1\r\n\r\n", struct.pack(">HHHB", 1, 1, 6, 1), struct.pack(">HHHB", 1, 0, 255, 1):
        other = client(s.port)
        other.put(read(1, 4, 0, 2) + broken)
        assert other.frame()[2][0] == 4 and other.closed()
    assert one.ask(1, 4, 0, 2)[0] == 4


def test_places_are_counted(site, client):
    s = site()
    clients = [client(s.port) for _ in range(CLIENTS)]
    for one in clients:
        assert one.ask(2, 4, POWER, 2)[0] == 4
    for _ in range(3):
        assert client(s.port).closed()
    assert s.metric("bus_proxy_clients") == CLIENTS and s.metric("bus_proxy_turned_away_total") == 3
    clients[0].close()
    wait_until(lambda: s.metric("bus_proxy_clients") == CLIENTS - 1, "the place of the one that left")
    assert client(s.port).ask(2, 4, POWER, 2)[0] == 4
    assert all(one.ask(2, 4, POWER, 2)[0] == 4 for one in clients[1:])


def test_a_silent_client_leaves(site, client):
    """Its end, after two minutes, and before that when others want its place; on a clock that runs."""
    s = site(env=fast(20))
    silent = client(s.port)
    start = time.monotonic()
    busy = client(s.port)
    while not (gone := silent.closed(timeout=0.2)):
        assert busy.ask(2, 4, POWER, 2)[0] == 4
        assert time.monotonic() - start < 60
    assert gone and time.monotonic() - start >= 5
    assert busy.ask(2, 4, POWER, 2)[0] == 4
    crowd = [client(s.port) for _ in range(CLIENTS - 1)]
    wait_until(lambda: s.metric("bus_proxy_clients") == CLIENTS, "all places to be taken")

    def has_place():
        assert busy.ask(2, 4, POWER, 2)[0] == 4  # who says something keeps its place
        late = client(s.port)
        late.put(read(2, 4, POWER, 2))
        return not late.closed()

    wait_until(has_place, "a place of one that is silent for long")
    assert sum(one.closed(timeout=0.1) for one in crowd) >= 1
    assert busy.ask(2, 4, POWER, 2)[0] == 4


def test_settings_change_what_changed_alone(gateway, folder, client):
    lines = {"one": ["1:eastron-sdm630"], "two": ["1:eastron-sdm630"]}
    ports = [free_port() for _ in range(3)]
    with SimBus(folder, lines) as sim:
        g = gateway()
        g.settings["buses"] = [{"key": name, "device": sim.lines[name], "proxy": {"port": port},
                                "meters": [{"name": name, "unit": 1, "model": "eastron-sdm630"}]}
                               for name, port in zip(lines, ports)]
        first, second = g.settings["buses"]
        g.start()
        for name in lines:
            g.daemon.wait_for_line(f"bus {name}: proxy: .*listening")
        a, b = client(ports[0]), client(ports[1])
        assert a.ask(1, 4, 0, 2)[0] == b.ask(1, 4, 0, 2)[0] == 4
        first["proxy"]["port"] = ports[2]
        g.reload()
        assert a.closed() and b.ask(1, 4, 0, 2)[0] == 4
        with pytest.raises(ConnectionRefusedError):
            client(ports[0])
        a = client(ports[2])
        assert wait_until(lambda: a.ask(1, 4, 0, 2)[0] == 4, "an answer at the new port")
        first["meters"].append({"name": "more", "unit": 2, "model": "eastron-sdm630"})
        g.reload()  # the bus starts anew, its clients stay
        wait_until(lambda: a.ask(1, 4, 0, 2)[0] == 4, "an answer of the bus that starts anew")
        second["enable"] = False
        del first["proxy"]
        g.reload()
        assert a.closed() and b.closed()
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                client(port)


def test_a_port_that_is_taken_is_tried_again(gateway, folder, client):
    with SimBus(folder, {"line1": ["1:eastron-sdm630"]}) as sim, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        g = gateway()
        g.settings["buses"] = [{"key": "line1", "device": sim.lines["line1"], "proxy": {"port": port},
                                "meters": [{"name": "a", "unit": 1, "model": "eastron-sdm630"}]}]
        g.start()
        g.daemon.wait_for_line("bus line1: proxy: 127.0.0.1 port .*address already in use; it is tried again")
        other.close()
        g.daemon.wait_for_line("bus line1: proxy: 127.0.0.1 port .*: listening")
        assert g.daemon.count("tried again") == 1
        assert client(port).ask(1, 4, POWER, 2)[0] == 4


def test_there_is_none_by_default(gateway, folder):
    with SimBus(folder, {"line1": ["1:eastron-sdm630"]}) as sim:
        g = gateway()
        g.settings["buses"] = [{"key": "line1", "device": sim.lines["line1"],
                                "meters": [{"name": "a", "unit": 1, "model": "eastron-sdm630"}]}]
        g.start()
        wait_until(lambda: sim.meter_stats(1)["answers"] > 0, "the meter to be read")
        assert g.daemon.count("proxy") == 0


def test_the_seconds_go_first(site, client):
    """Clients that never rest: the meter keeps its second."""
    s = site(speed=())
    greedy = [client(s.port) for _ in range(8)]

    def meter():
        return json.loads(over_socket(s.gateway).get("/api/v1/buses/line1").body)["meters"][0]

    wait_until(lambda: meter()["state"] == "ok", "the first poll")
    before, start, asked = meter(), time.monotonic(), 0
    while time.monotonic() - start < 8:
        for n, one in enumerate(greedy):
            one.put(read(2, 4, POWER, 2, transaction=n))
        for n, one in enumerate(greedy):
            assert one.frame()[0] == n
            asked += 1
    after = meter()
    assert asked > 100
    assert after["ok"] - before["ok"] >= 7 * after["reads"] and after["missed"] - before["missed"] <= 1


def test_a_crowd_does_not_shut_people_out(site, client):
    """All places ask at once of a slow meter: each is answered in turn, and so is a person, sooner than the last."""
    s = site()
    s.sim.meter(2, "slow", 100)
    crowd = [client(s.port) for _ in range(CLIENTS)]
    for n, one in enumerate(crowd):
        one.put(read(2, 4, POWER, 2, transaction=n))
    person = job_calls.start(s.gateway, "bus-read", {"bus": "line1", "unit": 1, "function": 4, "address": POWER, "count": 2})
    ended = job_calls.ended(s.gateway, person)
    assert ended["state"] == "done" and len(ended["result"]["words"]) == 2, ended
    assert s.metric("bus_proxy_answers_total") < CLIENTS
    for n, one in enumerate(crowd):
        transaction, _, pdu = one.frame()
        assert transaction == n and pdu[:2] == b"\x04\x04"


def test_it_ends_with_requests_under_way(site, client):
    s = site()
    s.sim.meter(2, "slow", 400)
    clients = [client(s.port) for _ in range(10)]
    for one in clients:
        one.put(read(2, 4, POWER, 2) * 5)
    clients[0].close()  # gone in the middle of it
    wait_until(lambda: s.sim.meter_stats(2)["requests"] > 0, "a request on the line")
    s.gateway.stop()
    assert all(one.closed() for one in clients[1:])
