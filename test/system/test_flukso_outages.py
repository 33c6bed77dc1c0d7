"""The Flukso reporter while the server, or the way to it, fails in every way: nothing is lost, nothing comes twice, and
all else goes on (pitfalls 7, 10, 11)."""
from email.utils import formatdate

import pytest

import flukso_faults as faults
from certs import good_and_bad
from flukso_faults import Rule
from flukso_house import INTERVAL, clock, house, only, rising  # noqa: F401
from helpers import free_port, wait_until, with_file

DAY, HOUR = 86400, 3600


SILENT = [
    (faults.refuse(), r"127\.0\.0\.1:\d+ refuses|refused"),
    (faults.hang(take=True), "no answer within 5 s"),
    (faults.close(take=True), "closed by the server without an answer"),
    (faults.reset(take=True), "closed by the server without an answer|reset"),
]
PARTS = [
    (faults.half(), "the answer stopped for 5 s"),
    (faults.drip(1), "no complete answer within 30 s"),
    (faults.cut(), "the answer was cut short"),
]
OTHERS = [
    (faults.answer(502, "<h1>Bad Gateway</h1>"), "HTTP 502: <h1>Bad Gateway</h1>"),
    (faults.answer(404), "HTTP 404"),
    (faults.answer(302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
]


@pytest.mark.parametrize("those", [SILENT, PARTS, OTHERS], ids=["silent", "parts", "others"])
def test_outages(house, those):
    """Said, globe off, rows kept; MQTT goes on; afterwards all is there, once."""
    h = house(settings=only("main", "solar"))
    h.wait_for_rows("main")
    for fault, text in those:
        outage(h, fault, text)


def outage(h, fault, text):
    failed = h.metric("flukso_calls_failed_total")
    h.server.fault = fault
    h.clock.jump(INTERVAL)
    why = h.waiting_for(text).string
    globe = h.globe()
    assert not globe["on"] and globe["reason"] == h.flukso()["last_error"] == why
    heard = len(h.heard.of(r"/sensor/.*/gauge"))
    wait_until(lambda: len(h.heard.of(r"/sensor/.*/gauge")) > heard + 20, "live readings")
    assert h.metric("flukso_calls_failed_total") > failed
    wait_until(lambda: h.flukso()["rows_waiting"] > 0 and h.metric("flukso_oldest_age_seconds") > 0, "rows that wait")
    h.server.fault = None
    back = h.now()
    h.clock.jump(INTERVAL)
    wait_until(lambda: h.rows("main")[-1][0] >= back, "live rows")
    h.energy_is_complete("main", "solar")
    wait_until(lambda: h.globe()["on"] and h.flukso()["waits_for"] is None, "status to say that all is well")
    assert h.metric("flukso_rows_quarantined_total") == 0


def test_back_off_is_never_longer_than_the_interval(house):
    """However long it lasts; and it is no hammering."""
    h = house(settings=only("main"))
    h.wait_for_rows("main")
    h.server.fault = faults.answer(503)
    h.waiting_for("HTTP 503")
    since = h.now()
    for _ in range(12):
        before = len(h.server.calls())
        h.clock.jump(INTERVAL)
        wait_until(lambda: len(h.server.calls()) > before, "another try")
        assert h.flukso()["next_try_s"] <= INTERVAL
    assert len([call for call in h.server.calls() if call.time > since]) < 60
    assert h.log("warning: flukso: .*: HTTP 503; rows are kept") == 1


@pytest.mark.parametrize("status, dated", [(503, False), (429, True), (408, False)])
def test_retry_after(house, status, dated):
    """In seconds or as a date: nothing is called before."""
    h = house(settings=only("main", "solar"))
    h.wait_for_rows("main")
    asked = 600
    value = formatdate(h.now() + asked, usegmt=True) if dated else str(asked)
    h.server.fault = faults.answer(status, headers={"Retry-After": value})
    h.clock.jump(INTERVAL)
    h.waiting_for(f"HTTP {status}")
    at = h.server.calls()[-1].time
    h.server.fault = None
    assert asked - 240 < h.flukso()["next_try_s"] <= asked
    h.skip(asked - 300)
    assert h.server.calls()[-1].time == at
    h.skip(300)
    wait_until(lambda: h.server.calls()[-1].time > at, "the next call")
    h.energy_is_complete("main")


def test_a_name_without_an_address(house, folder):
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    h = house(settings=lambda s: s["flukso"].update(url="https://server.invalid/"), start=False)
    spawn, words = h.g.spawn, with_file(resolver, "/etc/resolv.conf")
    h.g.spawn = lambda argv, **options: spawn([*words, *argv], **options)
    h.start()
    h.waiting_for("server.invalid")
    assert not h.globe()["on"]
    h.settings(lambda s: s["flukso"].update(url=h.server.url))
    h.wait_for_rows("main")
    h.energy_is_complete()


@pytest.fixture
def secure(house, folder):
    """A house whose server speaks TLS, with all kinds of certificates; not started."""
    authority, identities = good_and_bad(folder)
    return house(server={"tls": identities}, start=False,
                 settings=lambda s: (only("main")(s), s["flukso"].update(ca_file=str(authority.file))))


CERTIFICATES = {"wrong_host": "the server's certificate is for another host, not for 127.0.0.1",
                "expired": "the server's certificate has expired",
                "self_signed": "the server's certificate is not signed by ca_file",
                "not_yet_valid": r"the server's certificate is not yet valid \(is the clock right\?\)$"}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificates(secure, name):
    """The peer is verified: not a byte for a server that is another's; no proxy of the environment is asked."""
    h = secure
    nowhere = f"http://127.0.0.1:{free_port()}"
    h.start(https_proxy=nowhere, HTTPS_PROXY=nowhere, http_proxy=nowhere, all_proxy=nowhere, ALL_PROXY=nowhere)
    h.wait_for_rows("main")
    h.server.use_certificate(name)
    h.server.drop_connections()
    calls = h.server.stats()["calls"]
    h.waiting_for(CERTIFICATES[name])
    assert not h.globe()["on"]
    assert h.server.stats()["calls"] == calls
    h.server.use_certificate("good")
    h.energy_is_complete()
    assert h.globe()["on"]


def test_a_certificate_of_the_future_while_the_clock_is_unset(secure):
    """pitfall 18: told apart from one that is wrong; once NTP has set the clock all goes, readings from before with the
    stamps they should have had."""
    h = secure
    started = h.now()
    h.kernel.set(False, -int(started) + 1000)  # 1970
    h.start()
    h.waiting_for(r"not yet valid .*\(this host's clock is not set\)")
    assert h.g.status()["clock"]["state"] == "unset"
    assert h.server.stats()["calls"] == 0
    h.let_pass(60)
    assert not h.heard.of("/sensor/.*")
    set_at = h.now()
    h.kernel.set(True)
    h.clock.jump(INTERVAL)
    h.wait_for_rows("main", more=2)
    assert h.g.status()["clock"]["state"] == "synced"
    early = [row for row in h.rows("main") if row[0] < set_at - 5]
    assert early and early[0][0] > started - 5 and rising(h.rows("main"))


def test_no_sensor_starves_the_others(house):
    """One sensor's calls always time out: the others report each interval; its own rows are all there in the end."""
    h = house(settings=only("main", "solar", "water")).configured()
    h.server.rules = [Rule(faults.hang(), sensor=h.ids["solar"])]
    since = h.now()
    h.let_pass(3.5 * INTERVAL)
    for name in "main", "water":
        times = [call.time for call in h.calls(name, since)]
        assert len(times) >= 3, (name, times)
        assert max(b - a for a, b in zip(times, times[1:])) < 2 * INTERVAL, (name, times)
    tries = [call for call in h.calls("solar", since)]
    assert 2 <= len(tries) < 30 and not h.rows("solar")
    h.server.rules = []
    h.clock.jump(INTERVAL)
    wait_until(lambda: h.rows("solar"), "rows of solar")
    h.energy_is_complete("solar")


def spans(rows, width):
    count = {}
    for stamp, _ in rows:
        count[stamp // width] = count.get(stamp // width, 0) + 1
    return count


def test_a_week_without_the_server(house):
    """Few posts, ascending, thinned as the API has it; live again within one interval of the server's return."""
    h = house(settings=lambda s: (only("main")(s), s["sensors"][0].update(voltage=240)))
    h.wait_for_rows("main")
    h.server.fault = faults.refuse()
    gone = h.now()
    for _ in range(7 * DAY // (6 * HOUR)):
        h.clock.jump(6 * HOUR - 60)
        h.let_pass(3)
        h.clock.jump(57)
        h.let_pass(3)
    assert h.now() - gone >= 7 * DAY - HOUR
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", where=lambda m: m.json[0] > h.now() - 60)
    waiting = h.flukso()
    assert waiting["oldest_age_s"] > 6 * DAY and waiting["rows_waiting"] > 10
    back = h.now()
    h.server.fault = None
    wait_until(lambda: h.rows("main")[-1][0] >= back, "live rows")
    assert h.now() - back < 1.5 * INTERVAL
    posts = [call for call in h.calls("main") if call.time >= back]
    assert len(posts) <= 3, posts
    rows = [row for row in h.rows("main") if row[0] > gone]
    now = posts[0].time
    assert max(spans([row for row in rows if row[0] < now - 3 * DAY], DAY).values()) == 2
    assert max(spans([row for row in rows if now - 2 * DAY + 900 < row[0] < now - 2 * HOUR - 900], 900).values()) <= 2
    assert len({stamp // DAY for stamp, _ in rows}) >= 7
    assert rising(h.rows("main")) and h.server.refused() == []
    h.energy_is_complete()
    assert h.flukso()["rows_thinned"] > 0
