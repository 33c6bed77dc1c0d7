"""The receivers that tests start are real, and show what was written to them."""
import time

import pytest

from receivers import Influx, Point, Victoria

V1, V2 = {"path": "/write"}, {"path": "/api/v2/write"}
NOW = int(time.time()) - 600
LINES = (f"energy,sensor=aa,kind=counter value=1200i {NOW}\nenergy,sensor=bb,kind=counter value=7i {NOW}\n"
         f"energy,sensor=aa,kind=counter value=1201i {NOW + 60}\n")


@pytest.fixture
def influx(spawn, folder):
    return Influx(spawn, folder).start()


@pytest.fixture
def victoria(spawn, folder):
    return Victoria(spawn, folder).start()


def test_influx(influx):
    influx.create("home")
    for _ in range(2):  # the same point twice is one
        assert influx.request("/write", LINES, db="home", precision="s") == (204, "")
    assert influx.points("home", "energy", where=" AND sensor = 'aa'") == [
        Point(NOW, 1200, {}), Point(NOW + 60, 1201, {})]
    grouped = influx.points("home", "energy", tags=("sensor", "kind"))
    assert len(grouped) == 3 and Point(NOW, 7, {"sensor": "bb", "kind": "counter"}) in grouped
    assert influx.points("home", "other") == []
    status, text = influx.request("/write", "energy value=1 1 1", db="home", precision="s")
    assert status == 400 and "unable to parse" in text
    status, text = influx.request("/write", LINES, db="nowhere", precision="s")
    assert status == 404 and "database not found" in text


def test_influx_keeps_its_points_over_a_crash(influx):
    influx.create("home")
    assert influx.request("/write", LINES, db="home", precision="s")[0] == 204
    influx.kill()
    influx.start()
    assert len(influx.points("home", "energy")) == 3
    influx.stop()


def test_influx_with_a_password(spawn, folder):
    influx = Influx(spawn, folder, user="meter", password="secret").start().create("home")
    assert influx.request("/write", LINES, db="home", precision="s")[0] == 401
    assert influx.request("/write", LINES, db="home", precision="s", u="meter", p="secret")[0] == 204
    assert len(influx.points("home", "energy")) == 3


@pytest.mark.parametrize("version, query, labels", [
    (V1, {"db": "home", "precision": "s"}, {"db": "home"}),
    (V2, {"org": "me", "bucket": "home", "precision": "s"}, {}),
], ids=["v1", "v2"])
def test_victoria(victoria, version, query, labels):
    status, text = victoria.request(version["path"], LINES, headers={"Authorization": "Token t"}, **query)
    assert (status, text) == (204, "")
    common = {"__name__": "energy_value", "kind": "counter", **labels}
    assert victoria.points('energy_value{sensor="aa"}') == [
        Point(NOW, 1200, {**common, "sensor": "aa"}), Point(NOW + 60, 1201, {**common, "sensor": "aa"})]
    assert len(victoria.points("energy_value")) == 3
    assert victoria.points("other") == []
    victoria.stop()
    victoria.start()
    assert len(victoria.points("energy_value")) == 3
