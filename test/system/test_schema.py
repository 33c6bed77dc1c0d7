"""The JSON Schema of the settings against the one table of keys in the program, and both against documents."""

import itertools
import json
import re
import subprocess

import jsonschema
import pytest

from helpers import BUILD, ROOT

SCHEMA = json.loads((ROOT / "schemas/fluksod.schema.json").read_text())
VECTORS = ROOT / "test/vectors/settings"
DUMP = BUILD / "test/settings_dump"

# What the schema says beyond the table: how keys depend on each other, as far as it can.
BEYOND = {"$schema", "$id", "title", "not", "if", "then", "dependentRequired", "allOf"}

# Vectors that are JSON and wrong, but only by rules that a schema cannot say (or that Python's reader lets pass:
# duplicate names, half a surrogate pair).
BLIND = {
    "bad-class", "bad-constant-decimals", "bad-derive", "bad-derive-id", "bad-duplicate-ids", "bad-duplicate-keys",
    "bad-duplicate-names", "bad-flx-derived-id", "bad-flx-ids", "bad-flx-names", "bad-flx-three-phase-clamps",
    "bad-half-surrogate", "bad-members", "bad-meter-constant", "bad-meters", "bad-shared-port",
    "bad-single-phase-joins", "bad-three-phase-clamps", "bad-three-phase-ports", "bad-three-phase-second", "bad-two-classes",
    "bad-tls-port-taken", "bad-type", "bad-type-without-unit", "bad-url-ipv6", "bad-values-per-port",
}


def dump(*files):
    return subprocess.run([DUMP, *files], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT).stdout


def scalar(row):
    if row["kind"] == "bool":
        return {"type": "boolean"}
    if row["kind"] == "choice":
        return {"enum": row["choices"]}
    if row["kind"] == "text":
        return {"type": "string", "minLength": row["min"], "maxLength": row["max"], "pattern": row["pattern"]}
    return {"type": {"int": "integer", "milli": "number"}[row["kind"]], "minimum": row["min"], "maximum": row["max"]}


def node(row, rows):
    """What the schema must say of one row."""
    s = {"description": row["help"]}
    if row["kind"] == "object":
        one = {"type": "object", "additionalProperties": False, "properties": {}}
        prefix = row["path"] + ("[*]." if row["shape"] == "list" else ".")
        members = [r for r in rows if re.fullmatch(re.escape(prefix) + r"\w+", r["path"])]
        for r in members:
            one["properties"][r["path"][len(prefix):]] = node(r, rows)
        if any(r["required"] for r in members):
            one["required"] = [r["path"][len(prefix):] for r in members if r["required"]]
    else:
        one = scalar(row)
    many = {"type": "array", "items": one, "maxItems": row["list_max"]}
    if row["kind"] not in ("object", "text"):
        many["minItems"] = 1
    if row["unique"]:
        many["uniqueItems"] = True
    s.update({"one": one, "list": many, "one or list": {"anyOf": [one, many]}}[row["shape"]])
    if "default" in row:
        s["default"] = row["default"]
    if row["file_only"]:
        s["readOnly"] = True
    if row["secret"]:
        s["writeOnly"] = True
    return s


def schema_of(rows):
    return {"type": "object", "additionalProperties": False,
            "properties": {r["path"]: node(r, rows) for r in rows if re.fullmatch(r"\w+", r["path"])}}


def without(schema, keywords):
    """A schema without these keywords, at every depth; names of properties are no keywords."""
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for k, v in schema.items():
        if k == "properties":
            kept[k] = {name: without(s, keywords) for name, s in v.items()}
        elif k not in keywords:
            kept[k] = [without(x, keywords) for x in v] if isinstance(v, list) else without(v, keywords)
    return kept


def strip_comments(text):
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or " ", text, flags=re.S)


def ecma(schema):
    """In a schema's patterns $ is the end alone; Python's $ also matches before a last line feed."""
    if isinstance(schema, list):
        return [ecma(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: re.sub(r"\$$", r"\\Z", v) if k == "pattern" else ecma(v) for k, v in schema.items()}


VALIDATOR = jsonschema.Draft202012Validator(ecma(SCHEMA))


def valid(doc):
    return VALIDATOR.is_valid(doc)


def refuse_constant(name):
    raise ValueError(name)


def read(path):
    """The document of a vector, or None when it is no JSON."""
    try:
        return json.loads(strip_comments(path.read_text()), parse_constant=refuse_constant)
    except ValueError:
        return None


@pytest.fixture
def accepted(tmp_path):
    """The parser's verdict on documents."""
    def judge(docs):
        for i, doc in enumerate(docs):
            (tmp_path / f"{i}.json").write_text(doc if isinstance(doc, str) else json.dumps(doc))
        lines = dump(*(tmp_path / f"{i}.json" for i in range(len(docs)))).split()
        assert len(lines) == len(docs)
        return [n == "0" for n in lines]
    return judge


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_says_what_the_table_says():
    assert without(SCHEMA, BEYOND) == schema_of(json.loads(dump()))


def test_default_settings(accepted):
    text = (ROOT / "conf/fluksod.json").read_text()
    assert valid(json.loads(strip_comments(text)))
    assert accepted([text]) == [True]


def test_default_settings_with_every_example_switched_on(accepted):
    text = (ROOT / "conf/fluksod.json").read_text()
    examples = re.sub(r'^(\s*)// (\s*["{}\]].*)$', r"\1\2", text, flags=re.M)
    doc = json.loads(strip_comments(examples))
    assert examples.count("ca_file") == 2 and len(doc["mqtt"]) == 5
    assert {"url", "ca_file", "interval"} <= set(doc["flukso"]) and {"url", "token_file", "db"} <= set(doc["influx"])
    assert "key_file" in doc["device"] and len(doc["storage"]) == 4
    assert doc["http"]["tls_port"] and len(doc["http"]) == 7 and "socket" in doc["control"]
    assert len(doc["board"]) == 7 and len(doc["ports"]) == 4 and len(doc["derive"]) == 3
    assert len(doc["buses"]) == 2 and len(doc["buses"][0]["meters"]) == 2 and len(doc["lines"]) == 4
    flx = {**doc, "board": {**doc["board"], "protocol": "flx"}}  # where other sensors are there to derive from
    del flx["derive"]
    assert valid(doc) and valid(flx)
    assert accepted([examples, flx]) == [True, True]


def test_vectors_get_one_verdict():
    judged = blind = 0
    for path in sorted(VECTORS.glob("*.json")):
        doc = read(path)
        if doc is None:
            assert path.stem.startswith("bad-")
            continue
        good = (VECTORS / f"{path.stem}.txt").stat().st_size == 0
        assert good == path.stem.startswith("ok-")
        assert valid(doc) == (good or path.stem in BLIND), path.stem
        judged += 1
        blind += path.stem in BLIND
    assert judged > 40 and blind == len(BLIND)


# Right only beside these members of the same object.
BESIDE = {
    "mqtt.password_file": {"username": "u"},
    "mqtt.tls.cert_file": {"ca_file": "/ca", "key_file": "/key"},
    "mqtt.tls.key_file": {"ca_file": "/ca", "cert_file": "/crt"},
    "http.tls_port": {"tls_cert_file": "/crt", "tls_key_file": "/key"},
    "http.tls_cert_file": {"tls_key_file": "/key"},
    "http.tls_key_file": {"tls_cert_file": "/crt"},
    "influx.url": {"db": "d"},
    "influx.ca_file": {"url": "https://h", "db": "d"},
    "influx.token_file": {"url": "http://h", "bucket": "b"},
    "influx.db": {"url": "http://h"},
    "influx.org": {"url": "http://h", "bucket": "b"},
    "influx.bucket": {"url": "http://h"},
    "influx.interval": {"url": "http://h", "db": "d"},
    "buses[*].tcp.port": {"host": "h"},
    "buses[*].tcp.framing": {"host": "h"},
    "lines[*].tcp.host": {"port": 1},
    "lines[*].tcp.port": {"host": "h"},
    "lines[*].interval": {"pull": True},
}


# What a member of a list has, so that one more value of it can be right. A derived sensor that is off looks for no
# parts, which no schema can say.
MEMBER = {
    "sensors[*].": lambda path: {"ports": [4 if path.endswith("constant") else 1]},
    "ports[*].": lambda path: {"port": 1, "name": "n"},
    "derive[*].": lambda path: {"key": "k", "of": ["main"], "enable": False,
                                "kind": "net" if re.search("minus|import|export", path)
                                else "peak" if re.search("quarter|forecast|month_peak", path) else "sum"},
    "buses[*].": lambda path: {"key": "k", **({} if ".tcp" in path else {"device": "/d"})},
    "lines[*].": lambda path: {"key": "k", "name": "n", "protocol": "d0", **({} if ".tcp" in path else {"device": "/d"})},
    "buses[*].meters[*].": lambda path: {"key": "k", "name": "n", "unit": 1, "model": "eastron-sdm120"},
}


def members(doc, prefix):
    """What the prefix, "buses[*].meters[*].", names in the document."""
    found = [doc]
    for step in re.findall(r"\w+", prefix):
        found = [member for one in found for member in one[step]]
    return found


def at(path, value, beside=None):
    """A document with one value at the path of a row, and others beside it; a member of a list has what it needs."""
    steps = path.replace("[*]", ".*").split(".")
    doc = value
    for i, step in reversed(list(enumerate(steps))):
        doc = [doc] if step == "*" else {step: doc, **(beside or {} if i == len(steps) - 1 else {})}
    for prefix, needs in MEMBER.items():
        for member in members(doc, prefix) if path.startswith(prefix) else []:
            for name, needed in needs(path).items():
                member.setdefault(name, needed)
    if path == "sensors[*].meter":  # which there is
        doc["sensors"][0]["ports"] = [6]
        doc["buses"] = [{"key": "k", "device": "/d", "meters": [
            {"key": value, "name": "n", "unit": 1, "model": "eastron-sdm120", "enable": False}]}]
    if path == "derive[*].enable":  # one that is on has a name, and its part
        doc["derive"][0].setdefault("name", "n")
        doc["sensors"] = [{"name": "main", "ports": [1], "enable": True}]
    return doc


HOSTS = ["localhost", "127.0.0.1", "127.9.9.9", "127.255.255.255", "127.0.0.0", "[::1]", "localhost.example", "xlocalhost",
         "LOCALHOST", "127.0.0.1.example", "127.0.0.256", "127.0.0.01", "127.1", "10.0.0.1", "128.0.0.1", "[::2]",
         "[fe80::1]", "db.lan", "a_b-c.d", "", "[]", "[", "]", "[::1", "::1", "[localhost]", "a b", "h\u00e9", "a%b",
         "u@localhost", "u:p@localhost", "a\n"]
BEHIND = ["", "/", "/a/b%20c~d+e@f-g_h.i", ":1", ":8086/x", ":65535", ":9999", ":10000", ":59999", ":60000", ":64999",
          ":65000", ":65499", ":65500", ":65529", ":65530", ":0", ":01", ":65536", ":65540", ":65600", ":66000",
          ":70000", ":100000", ":", ":/", ":x", ":-1", ":+1", ": 1", ":1:2", "?q", "/?q=1", "#f", "/#f", "/a b", "\\",
          "/\u00e9", "/\n", "\n", "@h", "/a:b"]
URLS = [f"{scheme}://{host}{behind}" for scheme in ("http", "https") for host in HOSTS for behind in BEHIND] + [
    "HTTP://localhost", "https:/h", "https:h", "//h", "h", "ftp://h", " http://localhost", "http:///x", "https://",
    "https://" + "h" * 248, "https://" + "h" * 249]


def samples(row):
    """Values at, within and beyond the borders of a row, and of every wrong type."""
    values = [None, True, False, 0, -1, 1, 0.5, 1e300, "", "x", "/x", "localhost", "::1", "::1:1", "1.2.3.4",
              "1.2.3.4:5", "[::1]:5", [], {}, [1], ["x"], [[]], [{}], ["1.2.3.4:5"], ["1.2.3.4:5", "[::1]:5"],
              ["localhost"], ["1.2.3.4:65535"], ["1.2.3.4:65536"], ["1.2.3.4:99999"], ["1.2.3.4:0"]]
    if row["kind"] in ("int", "milli"):
        step = 1 if row["kind"] == "int" else 0.001
        ends = [round(row[k] + d, 3) for k in ("min", "max") for d in (-step, 0, step)]
        values += ends + [[v] for v in ends]
    elif row["kind"] == "choice":
        values += row["choices"] + [str(c) for c in row["choices"]] + [[c] for c in row["choices"]]
    elif row["path"] == "buses[*].tcp":
        values += [{"host": "h"}, {"host": "h", "port": 1}]
    elif row["path"] == "lines[*].tcp":
        values += [{"host": "h"}, {"port": 1}, {"host": "h", "port": 1}]
    elif row["path"].endswith(".quantities"):
        values += [["power"], ["energy_import", "power"], ["power", "power"], ["powers"], ["power_t1"], ["frequency_l1"]]
    elif row["path"].endswith(".model"):
        return [v for v in values if v != "x" and v != "localhost"] + ["eastron-sdm120", "-x", "A", "a" * 48]
    elif row["path"].endswith(".url"):
        values += URLS + [[u] for u in URLS[:3]]
    elif row["kind"] == "text":
        for fill in ("a", "/", "f", "é", " ", "~", "\x7f", "\n", "A"):
            texts = ["/" * row["pattern"].startswith("^/") + fill * n for n in
                     (row["min"] - 1, row["min"], row["max"] - 1, row["max"], row["max"] + 1) if n >= 0]
            values += texts + [[t] for t in texts]
    return values


def test_single_values_get_one_verdict(accepted):
    rows = json.loads(dump())
    for r in rows:  # the choices that fit the port of at(): the schema does not know which class a port is of
        if r["path"] in ("sensors[*].class", "sensors[*].type"):
            r["choices"] = r["choices"][:1]
    cases = [(r, beside) for r in rows for beside in [None] + [BESIDE[p] for p in BESIDE if p == r["path"]]]
    docs = [((r["path"], beside is None), at(r["path"], v, beside)) for r, beside in cases for v in samples(r)]
    verdicts = accepted([doc for _, doc in docs])
    for (case, doc), ok in zip(docs, verdicts):
        assert valid(doc) == ok, (case, doc)
    for case in {case for case, _ in docs}:
        seen = {ok for (c, _), ok in zip(docs, verdicts) if c == case}
        path, alone = case
        off = path == "http.tls_port"  # which 0 is, with nothing beside it
        assert seen == ({False} if alone and path in BESIDE and not off else {True, False}), case


def test_every_mix_of_members_gets_one_verdict(accepted):
    """Sections whose members need or exclude each other: all their subsets."""
    sections = {
        "device": {"key": "k" * 32, "key_file": "/k"},
        "flukso": {"enable": True, "url": "http://localhost/", "ca_file": "/ca", "interval": 60},
        "influx": {"url": "http://h", "ca_file": "/ca", "token_file": "/t", "db": "d", "org": "o", "bucket": "b",
                   "interval": 60},
        "storage": {"path": "/s", "interval": 60, "max_size": 8, "max_age": 3},
        "http": {"tls_port": 8443, "tls_cert_file": "/crt", "tls_key_file": "/key", "hosts": ["h"]},
    }
    docs = [{name: dict(mix)} for name, members in sections.items()
            for n in range(len(members) + 1) for mix in itertools.combinations(members.items(), n)]
    verdicts = accepted(docs)
    for doc, ok in zip(docs, verdicts):
        assert valid(doc) == ok, doc
    # device: not both; influx: nothing, or url with any of ca_file, token_file and interval beside one of db, bucket,
    # org and bucket; http: both files or none, with or without hosts, and with both files a port
    assert len(docs) == 4 + 16 + 128 + 16 + 16 and verdicts.count(True) == 3 + 16 + 1 + 8 * 3 + 16 + 6


def test_every_mix_of_a_derived_sensor(accepted):
    """What sum, net and peak have, and what the pair over the clamps need not say; off, so that no part is looked for."""
    mixes = itertools.product(("k", "grid"), (None, "sum", "net", "peak"), (None, [], ["main"], ["main", "x"]), (None, 1),
                              (None, [], ["y"]), (None, "sum", "import", "month_peak"))
    docs = []
    for key, kind, of, factors, minus, id_of in mixes:
        ids = {id_of: "0" * 31 + "1"} if id_of else None
        one = {"key": key, "enable": False, "kind": kind, "of": of, "factors": factors, "minus": minus, "ids": ids}
        docs.append({"derive": [{name: v for name, v in one.items() if v is not None}]})
    verdicts = accepted(docs)
    for doc, ok in zip(docs, verdicts):
        assert valid(doc) == ok, doc
    # With one part or two: each key as a sum and as a net pair, and as what it is without a kind (k a sum, grid net); a sum
    # with or without factors, with no id or a sum's, a net pair with any minus, with no id or import's; with one part each
    # key as a peak, with no id or the month's. Without a part: grid, net by word or without, of no minus.
    assert len(docs) == 768
    assert verdicts.count(True) == 2 * ((2 + 1) * (2 * 2) + (2 + 1) * (3 * 2)) + 2 * 2 + 2 * 2 * 2 * 2


def test_every_mix_of_a_bus(accepted):
    """A serial line or a gateway, and what each of them has."""
    says = {"device": "/d", "tcp": {"host": "h"}, "baud": 9600, "parity": "E", "stop_bits": 2, "rs485": "rts",
            "enable": False, "proxy": {"port": 5020}}
    meter = {"name": "n", "model": "eastron-sdm120"}
    meters = [None, [], [{**meter, "unit": 0}], [{**meter, "unit": 248}], [{**meter, "unit": 247}],
              [{"model": "eastron-sdm120", "unit": 1}], [{"model": "eastron-sdm120", "unit": 1, "enable": False}]]
    docs = [{"buses": [{"key": "k", **dict(mix), **({} if m is None else {"meters": m})}]}
            for n in range(len(says) + 1) for mix in itertools.combinations(says.items(), n) for m in meters]
    verdicts = accepted(docs)
    for doc, ok in zip(docs, verdicts):
        assert valid(doc) == ok, doc
    # A serial line with any of six others and a meter from 1 to 247, or a gateway with enable and proxy and any unit; what
    # is enabled has a name.
    assert len(docs) == 256 * 7 and verdicts.count(True) == 64 * 4 + 4 * 6


def test_every_mix_of_a_line(accepted):
    """By which of the three ways it comes, and what goes with each, and with its protocol."""
    says = {"name": "n", "device": "/d", "tcp": {"host": "h", "port": 1}, "board": True, "baud": 9600, "format": "8N1",
            "invert": True, "pull": True, "interval": 60, "enable": False}
    docs = [{"board": {"protocol": "flm02", "device": "/b"}, "lines": [{"key": "k", "protocol": protocol, **dict(mix)}]}
            for protocol in ("p1", "d0")
            for n in range(len(says) + 1) for mix in itertools.combinations(says.items(), n)]
    verdicts = accepted(docs)
    for doc, ok in zip(docs, verdicts):
        assert valid(doc) == ok, doc
    # With a name, or off, or both: a serial line with or without baud and format, tcp, the board's port turned or not;
    # with d0 it is not asked, or is with an interval or without, but not by the board's port.
    assert len(docs) == 2 * 1024 and verdicts.count(True) == 3 * (4 + 1 + 2) + 3 * (4 * 3 + 1 * 3 + 2)


def test_the_boards_port_has_one_line(accepted):
    """Of all lines that are on one, and of an flm02 board only."""
    one = {"key": "a", "name": "a", "board": True, "protocol": "p1"}
    other = {**one, "key": "b", "name": "b"}
    off = {**other, "enable": False}
    serial = {"key": "c", "name": "c", "device": "/d", "board": False, "protocol": "tic"}
    docs = [{**({"board": board} if board else {}), "lines": lines}
            for board in (None, {}, {"protocol": "flm02", "device": "/b"}, {"protocol": "flx", "device": "/b"},
                          {"protocol": "none"})
            for lines in ([one], [one, other], [one, off], [off], [serial], [one, serial])]
    verdicts = accepted(docs)
    for doc, ok in zip(docs, verdicts):
        assert valid(doc) == ok, doc
    assert verdicts.count(True) == 5 * 2 + 3


def test_every_border_of_what_a_name_may_hold(accepted):
    pattern = next(r["pattern"] for r in json.loads(dump()) if r["path"] == "device.name")
    ends = [int(h, 16) for h in re.findall(r"\\u([0-9a-f]{4})", pattern)] + [ord(c) for c in pattern if ord(c) > 127]
    points = {p for e in ends for p in (e - 1, e, e + 1) if 0 < p < 0xd800 or 0xdfff < p <= 0x10ffff}
    points = sorted(points | set(range(1, 128)))
    docs = [{"device": {"name": chr(p)}} for p in points]
    verdicts = accepted(docs)
    assert len(points) > 150 and 70 < verdicts.count(True) < len(points) - 70
    for p, doc, ok in zip(points, docs, verdicts):
        assert valid(doc) == ok, hex(p)
