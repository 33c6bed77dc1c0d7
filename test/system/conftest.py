"""Fixtures of the system tests. Each test has its own folder, ports, processes and time limit, and leaves nothing."""
import itertools
import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import guard
from api import started
from broker import Broker
from ctl import Ctl
from ctl_stub import CtlStub
from faked_time import KernelClock
from flukso_checks import KEY
from flukso_process import FluksoServerProcess
from flukso_server import FluksoServer
from helpers import Gateway, Proc, Subscriber, free_port
from ledger_house import House
from modbus_house import Slaves
from simboard import sim_board
from terminal import Tmux

os.environ["ASAN_OPTIONS"] = "detect_leaks=1:detect_stack_use_after_return=1"
os.environ["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
os.environ["TSAN_OPTIONS"] = "halt_on_error=1:second_deadlock_stack=1"

# Who runs the tests in the background of a script ignores these, and programs would inherit it.
for _signal in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
    signal.signal(_signal, signal.SIG_DFL if _signal != signal.SIGINT else signal.default_int_handler)

_guard = guard.here()


@pytest.fixture(autouse=True)
def nothing_leaves_loopback():
    """Set up first, taken down last: after all processes of the test have ended."""
    if _guard:
        _guard.seen()
    yield
    if _guard:
        found = _guard.seen()
        assert not found, f"a connection left loopback: {'; '.join(found)}"


@pytest.fixture
def folder(nothing_leaves_loopback):
    """A folder of the test's own with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="fx-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def spawn(folder):
    """spawn(argv, name=…, env=…) starts a Proc that ends with the test; a crash or a sanitizer's word fails the test."""
    procs = []

    def start(argv, **options):
        procs.append(Proc(argv, folder, **options))
        return procs[-1]

    yield start
    failures = []
    for proc in reversed(procs):
        try:
            proc.finish()
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)


@pytest.fixture
def subscribe():
    """subscribe(port, topic, …) is a Subscriber that is closed with the test."""
    subscribers = []

    def start(port, *topics):
        subscribers.append(Subscriber(port, *topics))
        return subscribers[-1]

    yield start
    for subscriber in subscribers:
        subscriber.close()


@pytest.fixture
def gateway(spawn, folder):
    """gateway(board, mqtt_port) is a Gateway, not started, in a folder of its own; board: a path, or None for none, and
    protocol="flx" when it is one of those."""
    numbers = itertools.count(1)

    def make(board=None, mqtt_port=None, **options):
        own = folder / f"gateway-{next(numbers)}"
        own.mkdir()
        return Gateway(spawn, own, board, mqtt_port, **options)

    return make


@pytest.fixture
def box(gateway):
    """A gateway that runs, without a board and without a password: see api.py."""
    return started(gateway())


@pytest.fixture
def board(folder):
    """board("--speed", "0") is a SimBoard that runs, in a folder of its own; it must end in order. With "--board", "flx"
    first it is a FlxBoard."""
    boards = []

    def start(*args, **options):
        own = folder / f"board-{len(boards)}"
        own.mkdir()
        boards.append(sim_board(own, *args, **options))
        return boards[-1]

    yield start
    for one in boards:
        assert one.stop() == 0, one.stderr()


@pytest.fixture
def broker(spawn, folder):
    """A private broker that runs."""
    return Broker(spawn, folder).start()


@pytest.fixture
def kernel_clock(folder, monkeypatch):
    """Each gateway of the test is told that its clock is not synchronized, until kernel_clock.set(True). For all tests of
    a module: pytestmark = pytest.mark.usefixtures("kernel_clock")."""
    clock = KernelClock(folder)
    monkeypatch.setattr(Gateway, "env", clock.env)
    return clock


@pytest.fixture
def flukso_server():
    """flukso_server(ids of sensors, tls=…) is a FluksoServer that listens; its device is a Gateway's, with KEY."""
    servers = []

    def start(sensors, **options):
        servers.append(FluksoServer({Gateway.DEVICE: KEY}, dict.fromkeys(sensors, Gateway.DEVICE), free_port(), **options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def flukso_process(spawn, folder):
    """flukso_process(ids of sensors, env=…) is the same as a process of its own."""
    servers = []

    def start(sensors, **options):
        servers.append(FluksoServerProcess(spawn, folder, {Gateway.DEVICE: KEY}, dict.fromkeys(sensors, Gateway.DEVICE),
                                           **options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def slaves(spawn, folder):
    """Meters on Modbus lines, played by pymodbus: see modbus_house.py."""
    one = Slaves(spawn, folder)
    yield one
    one.close()


@pytest.fixture
def running(board, broker, gateway, subscribe):
    """running("--speed", "0", settings=change, env=…) is a gateway that polls its board, and who hears it from the
    very start: (gateway, board, broker, subscriber). change(settings) is called before the start. "--board", "flx" first:
    the other board."""
    def start(*board_options, settings=lambda s: None, **options):
        sim, heard = board(*board_options), subscribe(broker.port)
        g = gateway(sim.link, broker.port, protocol=sim.protocol)
        settings(g.settings)
        g.start(**options)
        g.daemon.wait_for_line("board: polling")
        return g, sim, broker, heard
    return start


@pytest.fixture(params=["flm02", "flx"])
def either(request, running):
    """As running, of each board in turn."""
    return lambda *board_options, **options: running("--board", request.param, *board_options, **options)


@pytest.fixture
def house(board, broker, gateway, flukso_process, subscribe, kernel_clock, folder):
    """house(factor, settings=change, …) is a House: daemon, board and server on one fast clock; nothing is started."""
    houses = []

    def make(factor, **options):
        fixtures = SimpleNamespace(board=board, broker=broker, gateway=gateway, flukso_process=flukso_process,
                                   subscribe=subscribe, kernel_clock=kernel_clock)
        houses.append(House(fixtures, folder, factor, **options))
        return houses[-1]

    yield make
    for one in houses:
        one.close()


@pytest.fixture
def ctl(folder):
    """ctl(word, …) runs fluksoctl; its socket is control.sock in the test's folder."""
    one = Ctl(folder / "control.sock", folder)
    yield one
    one.close()


@pytest.fixture
def stub(ctl):
    """What answers at that socket instead of a gateway: stub.answers["GET /api/v1/status"] = {…}"""
    one = CtlStub(ctl.socket)
    yield one
    one.close()


@pytest.fixture
def tmux(folder):
    """tmux.start(program, …) on a terminal of its own; tmux.screen() is what a person sees there."""
    one = Tmux(folder)
    yield one
    one.close()
