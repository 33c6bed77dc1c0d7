"""Real receivers of line protocol, private to a test: InfluxDB 1.6 and VictoriaMetrics, on loopback, with data of their
own in the test's folder; they report nothing to anyone."""
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from typing import NamedTuple

from helpers import free_port, wait_until

INFLUXD = "/usr/bin/influxd"
VICTORIA = "/usr/bin/victoria-metrics"

INFLUX_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{data}/meta"
[data]
  dir = "{data}/data"
  wal-dir = "{data}/wal"
[coordinator]
[retention]
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {auth}
  log-enabled = true
"""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Point(NamedTuple):
    stamp: int  # Unix second
    value: float
    tags: dict  # of influx: those of the query's GROUP BY; of victoria: all labels


class _Receiver:
    """Starts, stays on its port and keeps its data from start to start; kill() is as a crash, stop() in order."""

    name = None

    def __init__(self, spawn, folder):
        self.spawn, self.folder = spawn, folder / self.name
        self.folder.mkdir()
        self.port = free_port()
        self.proc = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.proc = self.spawn(self._argv(), name=self.name)
        wait_until(self._ready, f"{self.name} on port {self.port}", timeout=60)
        return self

    def _ready(self):
        assert self.proc.running(), f"{self.name} ended:\n{self.proc.tail()}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        return self.request(self.health)[0] in (200, 204)

    def stop(self):
        self.proc.stop()

    def kill(self):
        self.proc.kill()

    def request(self, path, body=None, headers=None, **query):
        """(status, body as text) of a GET, or of a POST if there is a body."""
        target = f"{self.url}{path}?{urllib.parse.urlencode(query)}" if query else self.url + path
        data = body.encode() if isinstance(body, str) else body
        try:
            with _direct.open(urllib.request.Request(target, data, headers or {}), timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _asked(self, path, **words):
        status, text = self.request(path, **words)
        assert status == 200, f"{self.name} {path}: {status} {text}"
        return text


class Influx(_Receiver):
    """Influx(spawn, folder).start().create("energy"). user and password: nobody else may write or read."""

    name, health = "influxd", "/ping"

    def __init__(self, spawn, folder, user=None, password=None):
        super().__init__(spawn, folder)
        self.user, self.password = user, password
        self.rpc = free_port()

    def _argv(self):
        config = self.folder / "influxdb.conf"
        config.write_text(INFLUX_CONFIG.format(rpc=self.rpc, port=self.port, data=self.folder,
                                               auth="true" if self.user else "false"))
        return [INFLUXD, "-config", config]

    def start(self):
        known = self.proc is not None
        super().start()
        if self.user and not known:  # the one thing that may be done without a user
            self.query(f"CREATE USER {self.user} WITH PASSWORD '{self.password}' WITH ALL PRIVILEGES")
        return self

    def query(self, text, db=None):
        """The series that a query answers."""
        words = {"q": text, "epoch": "s"}
        if db:
            words["db"] = db
        who = {"u": self.user, "p": self.password} if self.user else {}
        result, = json.loads(self._asked("/query", body=urllib.parse.urlencode(words), **who))["results"]
        assert "error" not in result, f"{text}: {result['error']}"
        return result.get("series", [])

    def create(self, db):
        self.query(f'CREATE DATABASE "{db}"')
        return self

    def points(self, db, measurement, field="value", where="", tags=()):
        """The points of a field, by time; `where` as " AND sensor = 'x'", tags: those by which they come grouped."""
        group = f" GROUP BY {', '.join(tags)}" if tags else ""
        text = f'SELECT "{field}" FROM "{measurement}" WHERE time > 0{where}{group}'
        found = [Point(stamp, value, series.get("tags", {}))
                 for series in self.query(text, db) for stamp, value in series["values"]]
        return sorted(found, key=lambda point: point.stamp)


class Victoria(_Receiver):
    """Victoria(spawn, folder).start(). It takes v1 /write and v2 /api/v2/write; a measurement's field is the metric
    measurement_field, a database of v1 its label db."""

    name, health = "victoria-metrics", "/health"

    def _argv(self):
        return [VICTORIA, f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=100y", "-memory.allowedBytes=64MB", "-search.latencyOffset=0s"]

    def points(self, match):
        """The points of all series that match, as '{sensor="x"}' or 'power_value', by time."""
        self._asked("/internal/force_flush")  # else what came just now is not searched
        found = []
        for line in self._asked("/api/v1/export", **{"match[]": match, "end": 4102444800}).splitlines():
            series = json.loads(line)
            found += [Point(stamp // 1000, value, series["metric"])
                      for stamp, value in zip(series["timestamps"], series["values"])]
        return sorted(found, key=lambda point: point.stamp)
