"""The manual pages against the programs: every key of the settings with its range and default, every option, every
order of the simulator, and nothing that does not exist."""
import json
import re
import subprocess

import pytest

from helpers import BUILD, ROOT


def source(name):
    return (ROOT / "doc" / name).read_text()


def keys():
    """What fluksod.json(5) says of each key: the words behind `.It Cm <key>`, without macros, by single spaces."""
    items = re.split(r"^\.It Cm ", source("fluksod.json.5"), flags=re.M)[1:]
    for item in items:
        key, _, text = re.split(r"^\.(?:El|Ss)", item, maxsplit=1, flags=re.M)[0].partition("\n")
        yield key, " ".join(re.sub(r"^\.[A-Z][a-z] ", "", text, flags=re.M).split())


def what_must_be_said(row):
    """Words that the text of a key must hold."""
    if "default" in row:
        yield f"Default: {json.dumps(row['default'])}.".replace('"', "")
    for choice in row["choices"]:
        yield str(choice)
    if row["kind"] in ("int", "milli"):
        yield f"{row['min']} to {row['max']}"
    if row["kind"] == "text" and row["min"] == row["max"]:
        yield str(row['max'])
    elif row["kind"] == "text" and row["pattern"].startswith("^/"):
        yield "an absolute path"
        if row["max"] != 1024:  # as long as any
            yield f"at most {row['max']}"
    elif row["kind"] == "text" and not row["path"].endswith("listen"):  # as long as addresses are
        yield f"{row['min']} to {row['max']}"


def test_every_key_with_range_and_default():
    dump = subprocess.run([BUILD / "test/settings_dump"], capture_output=True, check=True, timeout=60).stdout
    rows = {r["path"]: r for r in json.loads(dump) if r["kind"] != "object"}
    said = dict(keys())
    assert said.keys() == rows.keys() and len(said) == len(list(keys()))
    for path, row in rows.items():
        for words in what_must_be_said(row):
            assert re.search(rf"(?<![\w.]){re.escape(words)}(?!\w)", said[path]), (path, words)
        assert ("Default:" in said[path]) == ("default" in row), path


@pytest.mark.parametrize("program, page", [("fluksod", "fluksod.8"), ("fluksosim", "fluksosim.1")])
def test_every_option(program, page):
    usage = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    options = re.findall(r"^ +(?:-\w, +)?--([\w-]+)", usage, re.M)
    assert len(options) > 6
    assert sorted(options) == sorted(re.findall(r"^\.It (?:Fl \w , )?Fl Fl ([\w-]+)", source(page), re.M))


def test_every_order(board):
    """The page names those that both boards take, then each board's own."""
    pages = re.split(r"^\.Ss ", source("fluksosim.1"), flags=re.M)
    common, meters, lines, flm02, flx = [re.findall(r"^\.It Cm (\w+)", page, re.M) for page in pages]
    for own, options in (flm02, []), (flx, ["--board", "flx"]):
        taken = re.findall(r"(?:^|; )([a-z]+)[^:;]*:", board(*options).order("help"))
        assert len(taken) > 15
        assert taken == common + own
    assert set(meters) == {"bus", "meter"} < set(common) and set(lines) == {"line"} < set(common)


def members(node):
    """{member: schema} of an object in the schema of model files, references followed."""
    schema = json.loads((ROOT / "schemas/meter.schema.json").read_text())
    for step in node:
        schema = schema[step]
    return schema["properties"]


@pytest.mark.parametrize("section, node", [("The whole", []),
                                           ("A member of registers", ["properties", "registers", "items"]),
                                           ("A member of identify", ["properties", "identify", "items"])])
def test_every_member_of_a_model(section, node):
    """fluksod-meter(5) names each member, with its default, and no other."""
    text = re.split(rf"^\.Ss {section}$", source("fluksod-meter.5"), flags=re.M)[1].partition(".El\n")[0]
    items = re.split(r"^\.It ", text, flags=re.M)[1:]
    said = {name: " ".join(re.sub(r"^\.[A-Z][a-z] ", "", item, flags=re.M).split())
            for item in items for name in re.findall(r"(?:Cm|, Cm) (\w+)", item.split("\n")[0])}
    there = members(node)
    assert said.keys() == there.keys()
    for name, schema in there.items():
        default = schema.get("default", "big" if name.endswith("_order") else None)
        assert ("Default:" in said[name]) == (default is not None), name
        if default is not None:
            assert re.search(rf"Default: {default}\b", said[name]), name
        if "minimum" in schema and name != "scale":
            assert f"{schema['minimum']} to " in said[name], name


def test_the_example_of_a_model(tmp_path):
    """… can be used as it stands."""
    page = source("fluksod-meter.5")
    text = re.search(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", page, re.M | re.S)[1]
    (tmp_path / "acme-m1.json").write_text(text)
    dump = subprocess.run([BUILD / "test/meter_dump", tmp_path / "acme-m1.json"], capture_output=True, check=True,
                          timeout=60)
    assert json.loads(dump.stdout)[0]["models"] == ["M1", "M1 plus"]


def test_every_quantity_of_a_model():
    dump = subprocess.run([BUILD / "test/meter_dump"], capture_output=True, text=True, check=True, timeout=60).stdout
    bases = {re.sub(r"_[lt]\d$", "", line.split(" ")[0]) for line in dump.splitlines()}
    text = re.split(r"^\.Ss Quantities$", source("fluksod-meter.5"), flags=re.M)[1].partition(".El\n")[0]
    named = [name for item in re.findall(r"^\.It Cm (.*)$", text, re.M) for name in re.split(r" , ", item)]
    assert sorted(named) == sorted(bases)
