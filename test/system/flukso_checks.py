"""What the Flukso server answers to a call and what it keeps of it, as the API's description has it: order of checks,
texts, integers only, stamps that rise. No socket and no clock: the time comes with each call. The other half of the real
server, queries by GET, is not here."""
import hmac
import json
import re
import threading
from collections import deque
from typing import NamedTuple
from urllib.parse import urlsplit

ID = re.compile(r"[0-9a-f]{32}")
DIGEST = re.compile(r"[0-9a-f]{40}")
HEARTBEAT = ("version", "reset", "uptime", "memtotal", "memfree", "memcached", "membuffers")
KEY = "0123456789abcdef0123456789abcdef"  # of the description's examples
HISTORY = 100_000  # refused rows kept; accepted ones are kept all


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes


class Refused(NamedTuple):
    time: int
    sensor: str
    stamp: object  # as it came
    value: object
    why: str


class Config(NamedTuple):
    time: int
    sensor: str
    config: dict


class Heartbeat(NamedTuple):
    time: int
    device: str
    fields: dict


class Broken(Exception):
    """What ends in a 500, with what the test is told about it."""


def digest(key, body):
    return hmac.new(key.encode(), body, "sha1").hexdigest()


def answer(status, body=b"", **headers):
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def said(value, **headers):
    return answer(200, json.dumps(value, separators=(",", ":")).encode(), Content_Type="application/json", **headers)


def failed(status, text, **headers):
    page = f"<html><head><title>{status} {text}</title></head><body><h1>{text}</h1></body></html>"
    return answer(status, page.encode(), Content_Type="text/html", **headers)


def unauthorised(text):
    return failed(401, "Unauthorized", WWW_Authenticate=text)


def _number(token):
    raise ValueError(f"{token} is no JSON")


def decoded(body):
    """The object in a body; Broken for anything else."""
    try:
        value = json.loads(body.decode(), parse_constant=_number)
    except (ValueError, RecursionError):
        raise Broken("no JSON") from None
    if not isinstance(value, dict):
        raise Broken("no object")
    return value


def integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def pairs(measurements):
    """The rows of a body's measurements; Broken unless they are pairs of integers, one or more."""
    if not isinstance(measurements, list) or not measurements:
        raise Broken("no measurements")
    for row in measurements:
        if not isinstance(row, list) or len(row) != 2 or not all(integer(part) for part in row):
            raise Broken(f"not a pair of integers: {json.dumps(row)}")
    return [tuple(row) for row in measurements]


class Checks:
    """Checks({device: key}, {sensor: device}, log).answer(…) for each call; rows(), refused() … tell what came of them.

    log: a file (JSON lines) that what is accepted is written to before it is answered, and read from at the start: a
    server that is killed and started again still knows its rows."""

    def __init__(self, devices, sensors, log=None):
        self.devices, self.sensors = dict(devices), dict(sensors)
        self.upgrade = 0  # what a heartbeat is told
        self.rrd_prefix = ""  # RRD puts the name of its file before an error
        self.resets = dict.fromkeys(self.devices, 0)
        self.counts = {"rows": 0, "refused": 0, "configs": 0, "heartbeats": 0}
        self._rows = {sensor: [] for sensor in self.sensors}
        self._refused, self._configs, self._heartbeats = deque(maxlen=HISTORY), [], []
        self._lock = threading.RLock()
        self._log = None
        if log:
            self._load(log)
            self._log = open(log, "a", encoding="utf-8")

    # What was kept

    def rows(self, sensor):
        """All (stamp, value) that were accepted, in order."""
        with self._lock:
            return list(self._rows[sensor])

    def last(self, sensor):
        """The newest of them, or None."""
        with self._lock:
            return self._rows[sensor][-1] if self._rows[sensor] else None

    def state(self):
        """{sensor: {"last": its newest row or None, "rows": how many}}"""
        with self._lock:
            return {sensor: {"last": rows[-1] if rows else None, "rows": len(rows)} for sensor, rows in self._rows.items()}

    def refused(self, sensor=None):
        with self._lock:
            return [one for one in self._refused if sensor in (None, one.sensor)]

    def configs(self, sensor=None):
        with self._lock:
            return [one for one in self._configs if sensor in (None, one.sensor)]

    def heartbeats(self, device=None):
        with self._lock:
            return [one for one in self._heartbeats if device in (None, one.device)]

    def forge(self, sensor, stamp, value):
        """A row as if it had been accepted before, say one ahead of time."""
        with self._lock:
            self._accept(0, sensor, [(stamp, value)])

    # The log

    def _note(self, **entry):
        if self._log:
            self._log.write(json.dumps(entry, separators=(",", ":")) + "\n")
            self._log.flush()

    def _load(self, log):
        """A last line that a kill cut short was never answered, and is cut off."""
        whole = 0
        with open(log, "a+b") as file:
            file.seek(0)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._recall(json.loads(line))
                whole += len(line)
            file.truncate(whole)

    def _recall(self, entry):
        kind, now = entry["kind"], entry["time"]
        if kind == "rows":
            self._accept(now, entry["sensor"], [tuple(row) for row in entry["rows"]])
        elif kind == "refused":
            self._refuse(now, entry["sensor"], entry["rows"], entry["why"])
        elif kind == "config":
            self._configure(now, entry["sensor"], entry["config"])
        else:
            self._beat(now, entry["device"], entry["fields"])

    # Each of these notes before it counts.

    def _accept(self, now, sensor, rows):
        if rows:
            self._note(kind="rows", time=now, sensor=sensor, rows=rows)
            self._rows.setdefault(sensor, []).extend(rows)
            self.counts["rows"] += len(rows)

    def _refuse(self, now, sensor, rows, why):
        if rows:
            self._note(kind="refused", time=now, sensor=sensor, rows=rows, why=why)
            self._refused.extend(Refused(now, sensor, *row, why) for row in rows)
            self.counts["refused"] += len(rows)

    def _configure(self, now, sensor, config):
        self._note(kind="config", time=now, sensor=sensor, config=config)
        self._configs.append(Config(now, sensor, config))
        self.counts["configs"] += 1

    def _beat(self, now, device, fields):
        self._note(kind="heartbeat", time=now, device=device, fields=fields)
        self._heartbeats.append(Heartbeat(now, device, fields))
        self.resets[device] = self.resets.get(device, 0) + fields["reset"]
        self.counts["heartbeats"] += 1

    # The answers

    def answer(self, now, method, target, headers, body):
        """The Answer to a call at that Unix second; headers as a mapping without regard to case."""
        what = re.fullmatch(r"/(sensor|device)/([^/]*)", urlsplit(target).path)
        if not what:
            return failed(404, "Not Found")
        if method != "POST":
            return failed(405, "Method Not Allowed", Allow="POST")
        kind, name = what.groups()
        with self._lock:
            refusal = self._stranger(kind, name, headers, body)
            try:
                if refusal:
                    self._refuse(now, name, rows_of(body), f"{refusal.status}: {refusal.headers.get('WWW-Authenticate')}")
                    return refusal
                return (self._sensor if kind == "sensor" else self._device)(now, name, body)
            except Broken as error:
                self._refuse(now, name, rows_of(body), f"500: {error}")
                return failed(500, "Internal Server Error")

    def _stranger(self, kind, name, headers, body):
        """The answer to who does not say properly who it is, else None."""
        given = headers.get("X-Digest") or ""
        if headers.get("X-Version") != "1.0" or not ID.fullmatch(name) or not DIGEST.fullmatch(given):
            return failed(400, "Bad Request")
        device = self.sensors.get(name) if kind == "sensor" else name
        key = self.devices.get(device)
        if key is None:
            return unauthorised(f"No proper provisioning for this {kind}")
        if not hmac.compare_digest(digest(key, body), given):
            return unauthorised("Incorrect digest")
        return None

    def _sensor(self, now, sensor, body):
        value = decoded(body)
        if ("measurements" in value) == ("config" in value):
            raise Broken("not one of measurements and config")
        if "config" in value:
            if not isinstance(value["config"], dict):
                raise Broken("config is no object")
            self._configure(now, sensor, value["config"])
            return said({"response": "ok"})
        return said({"response": self._update(now, sensor, pairs(value["measurements"]))})

    def _update(self, now, sensor, rows):
        """As RRD does: one row after the other, up to the first that is wrong."""
        last = self._rows[sensor][-1][0] if self._rows[sensor] else 0
        for number, (stamp, _) in enumerate(rows):
            if stamp <= last:
                why = (f"{self.rrd_prefix}illegal attempt to update using time {stamp} "
                       f"when last update time is {last} (minimum one second step)")
                self._accept(now, sensor, rows[:number])
                self._refuse(now, sensor, rows[number:number + 1], why)
                self._refuse(now, sensor, rows[number + 1:], "after a refused row")
                return why
            last = stamp
        self._accept(now, sensor, rows)
        return "ok"

    def _device(self, now, device, body):
        fields = decoded(body)
        missing = [name for name in HEARTBEAT if name not in fields]
        if missing or not integer(fields["reset"]):
            raise Broken(f"missing: {missing}" if missing else "reset is no integer")
        self._beat(now, device, fields)
        reply = said({"upgrade": self.upgrade, "timestamp": now})
        return reply._replace(headers={**reply.headers, "X-Digest": digest(self.devices[device], reply.body)})


def rows_of(body):
    """What looks like rows in a body, well-formed or not; for records and for rules, never for an answer."""
    try:
        rows = json.loads(body)["measurements"]
        return [tuple(row) for row in rows if len(row) == 2]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
