"""Models of meters: the files of the project and their schema against the program, what the API tells of them, and a
model that an owner adds by adding a file."""
import contextlib
import itertools
import json
import re
import subprocess

import jsonschema
import pytest

from api import over_socket, started
from helpers import BUILD, METERS, ROOT
from http_probe import Over

SCHEMA = json.loads((ROOT / "schemas/meter.schema.json").read_text())
VALID = jsonschema.Draft202012Validator(SCHEMA)
VECTORS = sorted((ROOT / "test/vectors/meters").glob("*.json"))
FILES = sorted(METERS.glob("*.json"), key=lambda file: file.stem)
DUMP = BUILD / "test/meter_dump"
WORDS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}

# Wrong only by what a schema cannot say: how members depend on each other, decimals, control characters.
BLIND = {"bad-address-end", "bad-careful-read", "bad-control", "bad-identify-number", "bad-identify-text",
         "bad-no-function", "bad-quantity-twice", "bad-scale-decimals", "bad-value-too-long"}


def dump(*files):
    done = subprocess.run([DUMP, *files], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def models(*files):
    """(model as the API tells it, registers as the program reads them) of each; (error,) of what is none."""
    return [json.loads(line) for line in dump(*files)]


# ---- files, schema and program ----

def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_the_quantities_of_the_program():
    names = {line.split(" ")[0] for line in dump()}
    pattern = re.compile(SCHEMA["$defs"]["quantity"]["pattern"])
    bases = ["".join(part) for part in itertools.product(
        ["", "reactive_", "apparent_"], ["power", "energy", "voltage", "current", "frequency"],
        ["", "_import", "_export", "_total", "_factor", "_sum"])]
    endings = ["", *(f"_l{n}" for n in range(6)), *(f"_t{n}" for n in range(6)), "_l1_l2", "_x"]
    tried = {base + ending for base in bases for ending in endings}
    assert names < tried
    assert {name for name in tried if pattern.fullmatch(name)} == names


def address_of(register):
    address = register["address"]
    return int(address, 16) if isinstance(address, str) else address


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_model_of_the_project(file):
    """Good by schema and program, with what people need to trust it; each register as the program reads it."""
    said = json.loads(file.read_text())
    VALID.validate(said)
    model, registers = models(file)[0]
    assert said["source"] and said["confidence"] and said["notes"]
    assert model["id"] == file.stem and model["vendor"] == said["vendor"] and model["models"] == said["models"]
    assert model["phases"] == said["phases"] and model["serial"] == said.get("serial", {})
    assert model["confidence"] == said["confidence"] and model["notes"] == said["notes"]
    assert model["max_read"] == said.get("max_read", 20)
    for register, quantity, (address, words, micro) in zip(said["registers"], model["quantities"], registers,
                                                           strict=True):
        assert quantity["quantity"] == register["quantity"] and quantity["type"] == register["type"]
        assert quantity["address"] == address == address_of(register)
        assert quantity["function"] == register.get("function", said.get("function"))
        assert words == WORDS[register["type"]] and micro == round(register["scale"] * 1e6)


def test_a_file_is_easy_to_edit():
    """One register a line, so that a person finds and mends it."""
    for file in FILES:
        lines = file.read_text().splitlines()
        said = json.loads(file.read_text())
        assert sum('"quantity":' in line for line in lines) == len(said["registers"]), file.name


@pytest.mark.parametrize("file", VECTORS, ids=lambda file: file.stem)
def test_a_vector(file):
    good = file.stem.startswith("good-")
    assert ("error" not in models(file)[0][0]) == good
    assert VALID.is_valid(json.loads(file.read_text())) == (good or file.stem in BLIND)


# ---- the API ----

@pytest.fixture
def api(gateway):
    g = started(gateway())
    api = over_socket(g)
    api.gateway, api.own = g, g.folder / "meters"
    return api


def listed(api):
    answer = api.get("/api/v1/models")
    assert answer.status == 200, answer
    return answer.json["models"]


def test_the_api_lists_all_models(api):
    there = listed(api)
    assert [m["id"] for m in there] == [file.stem for file in FILES]
    head = ("id", "vendor", "models", "phases", "confidence")
    assert there == [{key: model[key] for key in head} for model, _ in models(*FILES)]


@pytest.mark.parametrize("id", ["eastron-sdm630", "abb-b23", "dzg-dvh4013"])
def test_the_api_tells_a_model_whole(api, id):
    answer = api.get(f"/api/v1/models/{id}")
    assert answer.status == 200
    assert answer.json == models(METERS / f"{id}.json")[0][0]


@pytest.mark.parametrize("id", ["eastron-sdm360", "Eastron", "..", "a" * 48])
def test_a_model_that_is_not_there(api, id):
    answer = api.get(f"/api/v1/models/{id}")
    assert answer.status == 404
    assert "error" in answer.json
    if id == "eastron-sdm360":
        assert answer.json["error"] == f"no model {id}: there is none in {api.own} or {METERS}"


def test_an_owner_adds_and_changes_models_by_files(api):
    """No restart: files are read when somebody asks. The owner's come first; a broken one is told, not passed over."""
    own = json.loads((METERS / "eastron-sdm120.json").read_text()) | {"vendor": "Home", "models": ["Mine"]}
    api.own.mkdir()
    (api.own / "a-first.json").write_text("// mine\n" + json.dumps(own))
    (api.own / "eastron-sdm630.json").write_text(json.dumps(own))
    (api.own / "abb-b23.json").write_text('{"vendor": "A",\n"models": ["B"], "phases": 2}')
    (api.own / "NOTES.txt").write_text("nothing of yours")
    (api.own / "Upper.json").write_text("{}")
    there = {m["id"]: m for m in listed(api)}
    assert list(there) == sorted(["a-first", *(file.stem for file in FILES)])
    assert there["a-first"]["vendor"] == there["eastron-sdm630"]["vendor"] == "Home"
    assert there["abb-b23"] == {"id": "abb-b23", "error": f"{api.own}/abb-b23.json: phases: 2 is not 1 or 3"}
    answer = api.get("/api/v1/models/abb-b23")
    assert answer.status == 404
    assert answer.json["error"] == f"no model abb-b23: {api.own}/abb-b23.json: phases: 2 is not 1 or 3"
    assert api.get("/api/v1/models/a-first").json["models"] == ["Mine"]
    (api.own / "abb-b23.json").write_text(json.dumps(own))
    assert api.get("/api/v1/models/abb-b23").json["vendor"] == "Home"


def test_a_file_that_cannot_be_read_is_told(api):
    api.own.mkdir()
    (api.own / "big.json").write_text(" " * ((1 << 18) + 1))
    (api.own / "folder.json").mkdir()
    there = {m["id"]: m for m in listed(api)}
    assert there["big"]["error"] == f"{api.own}/big.json: longer than 262144 bytes"
    assert there["folder"]["error"].startswith(f"{api.own}/folder.json: ")


@contextlib.contextmanager
def asking(api, n):
    """Connections that have all asked for the list."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(Over(api.connect()))) for _ in range(n)]
        for connection in connections:
            connection.request("GET", "/api/v1/models")
        yield connections


def test_many_ask_at_once(api):
    """Questions wait behind each other, whoever went away meanwhile."""
    with asking(api, 5):
        pass
    with asking(api, 10) as connections:
        answers = [json.loads(connection.getresponse().read()) for connection in connections]
    assert [len(answer["models"]) for answer in answers] == 10 * [len(FILES)]


def test_questions_on_their_way_do_not_hold_up_the_end(api):
    with asking(api, 10):
        api.gateway.stop()  # with status 0, all handles closed; or this fails


def test_another_folder(gateway, folder):
    """--meters DIR stands in for the program's own."""
    g = gateway()
    g.start("--meters", folder / "none")  # the last one counts
    g.daemon.wait_for_line(rf"http: \S+:{g.port}: listening")
    api = over_socket(g)
    assert listed(api) == []
    assert api.get("/api/v1/models/abb-b23").json["error"] == \
        f"no model abb-b23: there is none in {g.folder}/meters or {folder}/none"
