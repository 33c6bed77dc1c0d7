"""Bus threads over TCP, in both framings: the same faults, and those of connections."""
import socket
import time

import pytest

import fault_slave as fault
from busprobe import bus, meter, model
from helpers import wait_until, with_file
from line_house import expected, probe, slaves, tcp  # noqa: F401


def over_tcp(tcp, probe, folder, mbap, units=(1, 2), **options):
    slave = tcp(list(units), mbap=mbap)
    path = model(folder)
    framing = "mbap" if mbap else "rtu"
    one = probe(bus("gateway", f"tcp=127.0.0.1:{slave.port} framing={framing}",
                    *[meter(f"m{u}", u, path, **options) for u in units]))
    for unit in units:
        one.wait_for_readings(f"m{unit}", 2)
    return slave, one


@pytest.mark.parametrize("mbap", [True, False], ids=["mbap", "rtu"])
def test_faults_over_tcp(tcp, probe, folder, mbap):
    slave, one = over_tcp(tcp, probe, folder, mbap)
    for faults, outcome in (([fault.silence], "timeout"), ([fault.late(0.25)], "timeout"), ([fault.half], "timeout"),
                            ([fault.exception(11)], "exception"), ([fault.wrong_unit] * 2, "bad answer")):
        seen = len(one.lines())
        slave.next(1, *faults)
        one.wait_for(f"the failure: {outcome}", meter="m1", after=seen, outcome=outcome)
        one.wait_for_readings("m1", 2, after=len(one.lines()))
    slave.next(1, fault.stranger(2))
    wait_until(lambda: not slave.faults[1], "the fault used")
    assert {line["outcome"] for line in one.of("m2")} == {"ok"}


def test_any_unit_over_mbap(tcp, probe, folder):
    _, one = over_tcp(tcp, probe, folder, True, units=(0, 250, 255))
    assert {line["outcome"] for line in one.of("m0") + one.of("m250") + one.of("m255")} == {"ok"}


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateways_word_that_a_meter_is_dead(tcp, probe, folder, code):
    """It takes the gateway's own time-out each time: such a meter is probed rarely, as one that is silent."""
    slave, one = over_tcp(tcp, probe, folder, True, interval=250, timeout=500)

    def nobody(slave, request):
        slave.later(0.2, request, bytes([request.unit, request.function | 0x80, code]))
    slave.always[2] = nobody
    dead = one.wait_for("it to be offline", meter="m2", state="offline")[0]
    assert dead["outcome"] == "exception" and dead["exception"] == code and "gateway" in dead["words"]
    seen, asked = len(one.lines()), len(slave.of(2))
    one.wait_for_readings("m1", 8, after=seen)
    assert len(slave.of(2)) <= asked + 1
    slave.always[2] = fault.right
    one.wait_for_readings("m2", 2, after=len(one.lines()), timeout=60)
    assert slave.connections == 1


def test_an_old_transaction_is_never_the_answer(tcp, probe, folder):
    slave, one = over_tcp(tcp, probe, folder, True)

    def old(slave, request):  # right in all but the transaction, and full of other values
        slave.send(request._replace(transaction=request.transaction - 1), request._replace(address=9).data())
        slave.send(request, request.data())
    seen = len(one.lines())
    slave.next(1, *[old] * 6)
    one.wait_for_readings("m1", 3, after=seen)
    assert {line["outcome"] for line in one.of("m1")} == {"ok"}
    assert slave.connections == 1


def test_a_name_server_that_says_nothing_holds_up_nobody(probe, folder):
    """A look-up may last half a minute: people are answered meanwhile, and the bus ends at once."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:20 attempts:3\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        try:
            mute.bind(("127.0.0.1", 53))
        except OSError:
            pytest.skip("needs port 53 of a network of its own")
        one = probe(bus("gateway", "tcp=meters.example:502", meter("m1", 1, model(folder))),
                    wrap=with_file(folder / "resolv.conf", "/etc/resolv.conf"))
        mute.settimeout(10)
        assert b"meters" in mute.recv(512)
        one.ask("gateway", 1, unit=1)
        assert one.wait_for("the answer to people", ticket=1)[0]["outcome"] == "line gone"
        start = time.monotonic()
        one.order("stop gateway")
        one.wait_for("the end of the thread", stopped=True)
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("mbap", [True, False], ids=["mbap", "rtu"])
def test_a_search_leaves_the_connection_alone(tcp, probe, folder, mbap):
    """Nobody answers it, but a meter answers its polls in between."""
    slave, one = over_tcp(tcp, probe, folder, mbap, units=(1,), interval=500)
    for n in range(12):
        one.ask("gateway", n, unit=100 + n, timeout=60)
    one.wait_for("the last failure", ticket=11)
    one.wait_for_readings("m1", 2, after=len(one.lines()))
    assert slave.connections == 1


@pytest.mark.parametrize("mbap", [True, False], ids=["mbap", "rtu"])
def test_a_server_that_ends_idle_connections(tcp, probe, folder, mbap):
    """It is connected to again at once, and nobody hears of it."""
    slave, one = over_tcp(tcp, probe, folder, mbap)
    for _ in range(3):
        seen = len(one.lines())
        slave.drop()
        one.wait_for_readings("m1", 2, after=seen)
        one.wait_for_readings("m2", 2, after=seen)
    assert {line["outcome"] for line in one.of("m1") + one.of("m2")} == {"ok"}
    assert len([line for line in one.lines() if "line" in line]) == 1
    assert slave.connections == 4


def test_a_server_that_goes_and_comes(tcp, probe, folder):
    slave, one = over_tcp(tcp, probe, folder, True)
    seen = len(one.lines())
    slave.deaf()
    assert "Connection refused" in one.wait_for("the loss of the line", after=seen, line=False)[0]["words"]
    seen = len(one.lines())
    slave.listen()
    one.wait_for("the line", after=seen, line=True)
    one.wait_for_readings("m1", 2, after=seen)
    one.wait_for_readings("m2", 2, after=seen)


def test_a_connection_that_went_deaf_is_made_anew(tcp, probe, folder):
    """A gateway that restarted without a word: the old connection swallows everything."""
    slave, one = over_tcp(tcp, probe, folder, False)
    stuck = slave.connections
    slave.always[1] = slave.always[2] = lambda s, r: None if s.connections == stuck else fault.right(s, r)
    seen = len(one.lines())
    one.wait_for_readings("m1", 2, after=seen, timeout=60)
    assert slave.connections > stuck
