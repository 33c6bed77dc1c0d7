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
    common, flm02, flx = [re.findall(r"^\.It Cm (\w+)", page, re.M) for page in pages]
    for own, options in (flm02, []), (flx, ["--board", "flx"]):
        taken = re.findall(r"(?:^|; )([a-z]+)[^:;]*:", board(*options).order("help"))
        assert len(taken) > 15
        assert taken == common + own
