"""The JSON Schema of the settings against the one table of keys in the program, and both against documents."""

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
BEYOND = {"$schema", "$id", "title", "not", "if", "then", "dependentRequired"}

# Vectors that are JSON and wrong, but only by rules that a schema cannot say (or that Python's reader lets pass:
# duplicate names, half a surrogate pair).
BLIND = {
    "bad-class", "bad-constant-decimals", "bad-duplicate-ids", "bad-duplicate-keys", "bad-duplicate-names",
    "bad-half-surrogate", "bad-members", "bad-meter-constant", "bad-shared-port", "bad-single-phase-joins",
    "bad-three-phase-clamps", "bad-three-phase-ports", "bad-three-phase-second", "bad-two-classes",
    "bad-type", "bad-type-without-unit", "bad-values-per-port",
}


def dump(*files):
    return subprocess.run([DUMP, *files], capture_output=True, text=True, check=True, timeout=60).stdout


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
    examples = re.sub(r'^(\s*)// (\s*["}].*)$', r"\1\2", text, flags=re.M)
    assert examples.count("ca_file") == 1 and len(json.loads(strip_comments(examples))["mqtt"]) == 5
    assert valid(json.loads(strip_comments(examples)))
    assert accepted([examples]) == [True]


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


def at(path, value):
    """A document with one value at the path of a row; a sensor's with what it cannot do without."""
    doc = value
    for step in reversed(path.replace("[*]", ".*").split(".")):
        doc = [doc] if step == "*" else {step: doc}
    for sensor in doc.get("sensors", []) if path.startswith("sensors[*].") else []:
        sensor.setdefault("ports", [4 if path.endswith("constant") else 1])
    return doc


def samples(row):
    """Values at, within and beyond the borders of a row, and of every wrong type."""
    values = [None, True, False, 0, -1, 1, 0.5, 1e300, "", "x", "/x", "localhost", "::1", "::1:1", "1.2.3.4",
              "1.2.3.4:5", "[::1]:5", [], {}, [1], ["x"], [[]], [{}], ["1.2.3.4:5"], ["1.2.3.4:5", "[::1]:5"],
              ["localhost"]]
    if row["kind"] in ("int", "milli"):
        step = 1 if row["kind"] == "int" else 0.001
        ends = [round(row[k] + d, 3) for k in ("min", "max") for d in (-step, 0, step)]
        values += ends + [[v] for v in ends]
    elif row["kind"] == "choice":
        values += row["choices"] + [str(c) for c in row["choices"]] + [[c] for c in row["choices"]]
    elif row["kind"] == "text":
        for fill in ("a", "/", "f", "é", " ", "~", "\x7f", "\n", "A"):
            texts = ["/" * row["pattern"].startswith("^/") + fill * n for n in
                     (row["min"] - 1, row["min"], row["max"] - 1, row["max"], row["max"] + 1) if n >= 0]
            values += texts + [[t] for t in texts]
    return values


# Right only beside other keys (ok-full.json has them so).
NEVER_ALONE = {"mqtt.password_file", "mqtt.tls.cert_file", "mqtt.tls.key_file"}


def test_single_values_get_one_verdict(accepted):
    rows = json.loads(dump())
    for r in rows:  # the choices that fit the port of at(): the schema does not know which class a port is of
        if r["path"] in ("sensors[*].class", "sensors[*].type"):
            r["choices"] = r["choices"][:1]
    docs = [(r["path"], at(r["path"], v)) for r in rows for v in samples(r)]
    verdicts = accepted([doc for _, doc in docs])
    for (path, doc), ok in zip(docs, verdicts):
        assert valid(doc) == ok, (path, doc)
    for r in rows:
        seen = {ok for (path, _), ok in zip(docs, verdicts) if path == r["path"]}
        assert seen == ({False} if r["path"] in NEVER_ALONE else {True, False}), r["path"]


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
