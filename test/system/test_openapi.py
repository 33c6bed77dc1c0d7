"""schemas/openapi.yaml against the running server: each route is described, each call that is described is sent with all
of its examples, and each answer is what the description says, over the control socket and over TCP."""
import contextlib
import copy
import json
import re
import socket
import urllib.parse
from typing import NamedTuple

import jsonschema
import pytest
import yaml

from api import PASSWORD, add_token, over_socket, over_tcp, set_password
from helpers import ROOT, TIMEOUT, free_port, wait_until
from http_probe import Over, read_answer

DOCUMENT = yaml.safe_load((ROOT / "schemas/openapi.yaml").read_text())
SETTINGS = json.loads((ROOT / "schemas/fluksod.schema.json").read_text())
METHODS = ("get", "post", "put", "patch", "delete")
SENSOR = "00112233445566778899aabbccddeeff"  # of the examples


# ---- the document ----

def resolved(node):
    """What a reference stands for."""
    while isinstance(node, dict) and "$ref" in node:
        at = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part.replace("~1", "/")]
        node = at
    return node


class Operation(NamedTuple):
    method: str
    path: str
    said: dict
    parameters: list

    @property
    def route(self):
        """As the server's own list has it."""
        if self.path == "/sensor/{id}":
            return self.method, "/sensor/"
        return self.method, re.sub(r"\{\w+\}", "*", self.path)

    @property
    def examples(self):
        """{name: example} of the body; None: it takes none."""
        if "requestBody" not in self.said:
            return None
        content = resolved(self.said["requestBody"])["content"]["application/json"]
        return content.get("examples") or {"example": {"value": content["example"]}}

    def answers(self, example=None):
        """The statuses that may come."""
        best = min(int(status) for status in self.said["responses"] if status[0] == "2")
        return (example or {}).get("x-answers") or self.said.get("x-answers") or [best]


def operations():
    for path, item in DOCUMENT["paths"].items():
        for method, said in item.items():
            if method in METHODS:
                parameters = [resolved(p) for p in item.get("parameters", []) + said.get("parameters", [])]
                yield Operation(method.upper(), path, said, parameters)


OPERATIONS = list(operations())


def as_json_schema(node):
    """A schema of OpenAPI 3.0 in the words of JSON Schema: `nullable` is a type."""
    if isinstance(node, list):
        return [as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    said = {key: as_json_schema(value) for key, value in node.items() if not key.startswith("x-")}
    if said.pop("nullable", False) is True:
        if "type" in said:
            said["type"] = [said["type"], "null"]
        elif "anyOf" in said:
            said["anyOf"].append({"type": "null"})
    return said


WHOLE = as_json_schema(copy.deepcopy(DOCUMENT))


def fits(value, schema):
    """Validate; then the JSON Schema file that the description names, if it does."""
    jsonschema.Draft7Validator({**as_json_schema(schema), "components": WHOLE["components"]},
                               format_checker=None).validate(value)
    if resolved(schema).get("x-json-schema") == "fluksod.schema.json":
        jsonschema.Draft202012Validator(SETTINGS).validate(value)


def every(node, path="#"):
    """All objects of the document."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from every(value, f"{path}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from every(value, f"{path}/{number}")


def test_the_document_holds_together():
    assert DOCUMENT["openapi"] == "3.0.3"
    names = [o.said["operationId"] for o in OPERATIONS]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    used = {node["$ref"] for _, node in every(DOCUMENT) if "$ref" in node}
    for kind, parts in DOCUMENT["components"].items():
        if kind != "securitySchemes":
            assert {f"#/components/{kind}/{name}" for name in parts} <= used, kind
    for reference in used:
        resolved({"$ref": reference})
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft7Validator.check_schema(as_json_schema(schema))
    for o in OPERATIONS:
        where = f"{o.method} {o.path}"
        assert o.said["summary"] and set(o.said["tags"]) <= tags, where
        assert ("security" in o.said) == (o.said["x-need"] in ("open", "login")), where
        assert re.findall(r"\{(\w+)\}", o.path) == [p["name"] for p in o.parameters if p["in"] == "path"], where
        for status, answer in o.said["responses"].items():
            assert resolved(answer)["description"], (where, status)
            for content in resolved(answer).get("content", {}).values():
                if "example" in content:
                    fits(content["example"], content["schema"])


def test_examples_are_what_the_description_says():
    """Those that are to succeed fit their schema."""
    for o in OPERATIONS:
        for name, example in (o.examples or {}).items():
            if "x-answers" not in example:
                schema = resolved(o.said["requestBody"])["content"]["application/json"]["schema"]
                jsonschema.Draft7Validator({**as_json_schema(schema), "components": WHOLE["components"]}).validate(
                    example["value"])
                assert name


# ---- the server ----

class Server:
    """A gateway that has all that the examples speak of."""

    def __init__(self, board, broker, gateway):
        self.g = gateway(board().link, broker.port)
        self.g.settings.pop("device")
        self.g.settings["sensors"][0]["id"] = SENSOR
        self.g.settings["buses"] = [{"key": "line1", "device": "/dev/nobody", "meters": [
            {"key": "boiler", "name": "heat", "unit": 3, "model": "eastron-sdm630"}]}]
        self.g.settings["lines"] = [{"key": "grid", "name": "grid", "device": "/dev/nobody-either", "protocol": "p1"}]
        self.g.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}
        self.g.start()
        self.up(1)
        wait_until(lambda: over_socket(self.g).get(f"/api/v1/sensors/{SENSOR}").json["counter"], "a counter")

    def up(self, nth):
        """After its nth start."""
        self.g.daemon.wait_for_line("board: polling", nth=nth)


@pytest.fixture
def server(board, broker, gateway):
    return Server(board, broker, gateway)


def test_each_route_is_described(server):
    """… with what it needs and how long a body may be; and nothing is described that is not there."""
    answer = over_socket(server.g).get("/api/v1")
    there = {(c["method"], c["path"]): (c["need"], c["body_max"]) for c in answer.json["calls"]}
    assert len(there) == len(answer.json["calls"])
    assert there == {o.route: (o.said["x-need"], o.said["x-body-max"]) for o in OPERATIONS}


class Call(NamedTuple):
    """One call: an operation with values for its parameters, a body, and the statuses that it may get."""
    operation: Operation
    values: dict
    body: object
    raw: bool
    answers: list
    restarts: bool
    schema: dict  # of the answer, where it is another than the operation's; or None
    name: str

    @property
    def target(self):
        path, query = self.operation.path, []
        for p in self.operation.parameters:
            if p["name"] not in self.values:
                continue
            value = str(self.values[p["name"]])
            if p["in"] == "path":
                path = path.replace(f"{{{p['name']}}}", urllib.parse.quote(value, safe=""))
            elif p["in"] == "query":
                query.append((p["name"], value))
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    @property
    def headers(self):
        return {p["name"]: str(self.values[p["name"]]) for p in self.operation.parameters
                if p["in"] == "header" and p["name"] in self.values}

    @property
    def payload(self):
        if self.body is None:
            return None
        return self.body.encode() if self.raw else json.dumps(self.body).encode()


def good(examples):
    return next(e for e in examples.values() if "x-answers" not in e or e.get("x-restarts"))


def of_parameter(p):
    return p.get("examples") or ({"example": {"value": p["example"]}} if "example" in p else {})


def calls_of(o):
    """All that the document has examples of; one that starts the daemon anew comes last."""
    needed = {p["name"]: good(of_parameter(p))["value"] for p in o.parameters if p["required"]}
    bodies = o.examples or {"none": {"value": None}}
    first = good(bodies)
    calls = []

    def add(name, values, example, body):
        answers = o.answers(example)
        restarts = bool(example.get("x-restarts") or o.said.get("x-restarts")) and min(answers) < 300
        schema = {"$ref": example["x-schema"]} if "x-schema" in example else None
        calls.append(Call(o, values, body["value"], body.get("x-raw", False), answers, restarts, schema,
                          f"{o.said['operationId']} {name}"))
    for p in o.parameters:
        for name, example in of_parameter(p).items():
            if not p["required"] or "x-answers" in example:
                add(f"{p['name']}={name}", {**needed, p["name"]: example["value"]}, example, first)
    for name, example in bodies.items():
        add(name, needed, example, example)
    return sorted(calls, key=lambda call: call.restarts)


def check_headers(call, answer, said):
    for name, header in said.get("headers", {}).items():
        value = answer.headers[name]
        assert value is not None or not header.get("required"), f"{call.name}: no {name}"
        if value is not None:
            fits(int(value) if header["schema"]["type"] == "integer" else value, header["schema"])


def check(call, answer, answers=None):
    """An answer against the document."""
    assert answer.status in (answers or call.answers), f"{call.name}: {answer.status} {answer.body[:500]}"
    said = call.operation.said["responses"].get(str(answer.status))
    assert said, f"{call.name}: {answer.status} is not described"
    said = resolved(said)
    check_headers(call, answer, said)
    if "content" not in said:
        assert answer.body == b"", call.name
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    assert kind in said["content"], f"{call.name}: {kind}"
    content = said["content"][kind]
    try:
        if kind == "application/json":
            fits(json.loads(answer.body), call.schema or content["schema"])
        elif kind == "text/plain":
            fits(answer.body.decode(), content["schema"])
        else:
            assert answer.body
    except jsonschema.ValidationError as error:
        raise AssertionError(f"{call.name}: {list(error.absolute_path)}: {error.message}") from None
    if call.operation.path.startswith("/api/"):
        assert answer.headers["Cache-Control"] == "no-store", call.name


def check_stream(call, api, headers):
    """A stream: its first event of a kind that is described, by its own description."""
    said = resolved(call.operation.said["responses"]["200"])["content"]["text/event-stream"]["x-events"]
    with contextlib.closing(Over(api.connect())) as connection:
        connection.request("GET", call.target, headers=headers)
        response = connection.getresponse()
        assert response.status == 200 and response.headers["Content-Type"] == "text/event-stream", call.name
        name, seen = None, 0
        while seen < 3:
            line = response.readline().decode().rstrip("\n")
            field, _, value = line.partition(": ")
            if field == "event":
                assert value in said, f"{call.name}: event {value}"
                name = value
            elif field == "data":
                fits(value if said[name].get("type") == "string" else json.loads(value), said[name])
                seen += 1
            else:
                assert field in ("", "retry", "id"), line


def is_stream(call):
    content = resolved(call.operation.said["responses"].get("200", {})).get("content", {})
    return "text/event-stream" in content and call.answers == [200] and (
        "text/plain" not in content or call.values.get("follow") == 1)


def send(server, call, api, headers):
    if is_stream(call):
        check_stream(call, api, {**headers, **call.headers})
        return
    if call.body is not None:
        headers = {**headers, "Content_Type": "application/json"}
    check(call, api.call(call.operation.method, call.target, call.payload, **headers,
                         **{name.replace("-", "_"): value for name, value in call.headers.items()}))


def run_all(server, api, headers, calls):
    starts = 1
    for call in calls:
        send(server, call, api, headers)
        if call.restarts:
            starts += 1
            server.up(starts)


def test_each_call_over_the_control_socket(server):
    run_all(server, over_socket(server.g), {}, [call for o in OPERATIONS for call in calls_of(o)])
    assert over_socket(server.g).get("/api/v1/status").json["device"]["id"] == "0123456789abcdef0123456789abcdef"
    server.g.stop()


def test_each_call_over_tcp(server):
    """By a token; what only the socket may is refused."""
    set_password(server.g)
    assert PASSWORD == "correct horse"  # as in the examples
    token = {"Authorization": add_token(server.g, "test")}
    calls = []
    for o in OPERATIONS:
        for call in calls_of(o):
            calls.append(call._replace(answers=[403]) if o.said.get("x-via") == "socket" else call)
    run_all(server, over_tcp(server.g), token, calls)
    server.g.stop()


# ---- what is refused before a call is looked at ----

def base_call(o):
    call = next(c for c in calls_of(o) if min(c.answers) < 300 or c.restarts)
    return call._replace(name=f"{o.said['operationId']} refused")


def test_each_refusal_is_described(server):
    """Without rights, with too little, for another host, from another site, as another type, too large."""
    set_password(server.g)
    api = over_tcp(server.g)
    full, reader = add_token(server.g, "all"), add_token(server.g, "reader", read_only=True)
    cookie = api.session()
    for o in OPERATIONS:
        call, need, body = base_call(o), o.said["x-need"], o.examples is not None

        def refused(status, **headers):
            if call.body is not None:
                headers.setdefault("Content_Type", "application/json")
            check(call, api.call(o.method, call.target, call.payload, **headers), [status])
        if need == "open":
            continue
        refused(421, Host="elsewhere.example", Authorization=full)
        if need in ("read", "write"):
            refused(401, Authorization="Bearer fluksod_" + 64 * "0")
        if need == "write":
            refused(403, Authorization=reader)
        if o.method != "GET":
            refused(403, Cookie=cookie, Origin="http://elsewhere.example")
        if body:
            refused(415, Authorization=full, Content_Type="text/plain")
        if o.method != "GET" and o.said["x-body-max"]:
            check(call, too_large(server.g, call, full), [413])
    server.g.stop()


def too_large(g, call, token):
    """One byte more than the route takes: said in the header, so that no byte of it need come."""
    o = call.operation
    with socket.create_connection(("127.0.0.1", g.port), TIMEOUT) as s:
        s.sendall("\r\n".join([f"{o.method} {call.target} HTTP/1.1", "Host: localhost", f"Authorization: {token}",
                               "Content-Type: application/json", f"Content-Length: {o.said['x-body-max'] + 1}", "",
                               ""]).encode())
        return read_answer(s, o.method)
