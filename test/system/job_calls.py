"""Calls of the management API in tests: any method, JSON both ways, and jobs that are waited for."""
import json
import urllib.error
import urllib.request

from helpers import wait_until

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(g, method, path, body=None, raw=None, timeout=10, **headers):
    """(status, headers, what the JSON says; None without a body) of a call to a Gateway."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{g.port}{path}", data=data, headers=headers, method=method)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _direct.open(request, timeout=timeout) as answer:
            text = answer.read().decode()
            return answer.status, answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, error.headers, json.loads(text) if text else None


def start(g, verb, args=None):
    """Start a verb's job; its id."""
    status, headers, answer = call(g, "POST", f"/api/v1/{verb}", args)
    assert status == 202, (status, answer)
    assert headers["Location"] == f"/api/v1/jobs/{answer['job']}" and answer.keys() == {"job"}
    return answer["job"]


def job(g, name):
    status, _, answer = call(g, "GET", f"/api/v1/jobs/{name}")
    assert status == 200, answer
    return answer


def ended(g, name, timeout=30):
    """The job once it does not run any more."""
    def look():
        one = job(g, name)
        return one if one["state"] != "running" else None
    return wait_until(look, f"the end of job {name}", timeout)


def run(g, verb, args=None, timeout=30):
    """Start it and wait for its end."""
    return ended(g, start(g, verb, args), timeout)
