"""Which requests are meant for this machine and come from its own pages: Host, Origin, types of bodies (pitfall 23)."""
import socket

import pytest

from api import (CODE, PASSWORD, add_token, is_error, over_socket, over_tcp, put_password, refused, set_password)


def test_the_name_that_was_asked(box):
    """DNS rebinding: a page of evil.example, whose name points here, gets nothing."""
    tcp, own = over_tcp(box), socket.gethostname()
    for host in ("127.0.0.1", f"localhost:{box.port}", "[::1]", own, own.upper(), f"{own}.local", f"{own}.local:8080"):
        assert tcp.get("/api/v1/status", Host=host).status == 200, host
    token = add_token(box, "all")
    for host in "evil.example", f"evil.example:{box.port}", "127.0.0.1.evil.example", "energy.example", "":
        for target in "/api/v1/status", "/metrics", "/api/v1/access", "/api/v1/tokens":
            answer = tcp.get(target, Host=host, Authorization=token)
            assert is_error(answer, 421, "none of this machine's"), host
        assert is_error(tcp.login(Host=host), 421, "none of this machine's")
    assert box.daemon.count("access: a request for host .* was refused") == 1  # a flood of them does not flood the log
    box.settings["http"]["hosts"] = ["energy.example"]
    box.reload()
    box.daemon.wait_for_line("is in force")
    assert tcp.get("/api/v1/status", Host="energy.example:8080").status == 200
    assert tcp.get("/api/v1/status", Host="evil.example").status == 421
    assert refused(box, "host") == 26


@pytest.mark.parametrize("headers", [{"Forwarded": "for=192.0.2.60"}, {"X_Forwarded_For": "192.0.2.60"},
                                     {"X_Forwarded_Host": "energy.example"}, {"X_Forwarded_Proto": "https"},
                                     {"X_Real_IP": "192.0.2.60"}, {"Via": "1.1 proxy"}],
                         ids=lambda h: next(iter(h)))
def test_what_a_proxy_on_this_host_passes_on(box, headers):
    """Whoever it is, they are not on this host."""
    tcp, code = over_tcp(box), CODE.search(box.daemon.stderr())[1]
    for target in "/api/v1/status", "/metrics":
        assert is_error(tcp.get(target, **headers), 401, "log in")
        assert tcp.get(target).status == 200
    assert is_error(put_password(tcp, code=code, **headers), 403, "own network only")
    set_password(box)
    assert tcp.get("/metrics", Cookie=tcp.session(), **headers).status == 200


def test_http_1_0_without_a_host(box):
    with over_tcp(box).connect() as s:
        s.sendall(b"GET /api/v1/status HTTP/1.0\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 421 ")


FOREIGN = [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"},
           {"Sec_Fetch_Site": "same-site"}, {"Origin": "http://localhost:3000"},
           {"Origin": "http://localhost", "Sec_Fetch_Site": "cross-site"}]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda h: " ".join(h.values()))
def test_a_page_of_another_site(box, headers):
    """Its browser adds the cookie (where SameSite does not hold), so what changes something must show where it is from."""
    set_password(box)
    tcp, token = over_tcp(box), add_token(box, "all")
    cookie = tcp.session()
    assert is_error(tcp.call("POST", "/api/v1/tokens", {"name": "x"}, Cookie=cookie, **headers), 403, "another site")
    assert is_error(tcp.call("DELETE", "/api/v1/tokens/all", Cookie=cookie, **headers), 403, "another site")
    assert is_error(tcp.call("POST", "/api/v1/logout", Cookie=cookie, **headers), 403, "another site")
    assert is_error(tcp.login(**headers), 403, "another site")
    assert is_error(put_password(tcp, "battery staple", current=PASSWORD, Cookie=cookie, **headers), 403, "another site")
    assert refused(box, "cross_site") == 5
    assert tcp.get("/api/v1/tokens", Cookie=cookie, **headers).status == 200  # it cannot read the answer
    assert tcp.call("POST", "/api/v1/tokens", {"name": "x"}, Authorization=token, **headers).status == 201


@pytest.mark.parametrize("headers", [{"Origin": "http://localhost"}, {"Sec_Fetch_Site": "same-origin"},
                                     {"Sec_Fetch_Site": "none"}], ids=lambda h: " ".join(h.values()))
def test_a_page_of_ours(box, headers):
    set_password(box)
    tcp = over_tcp(box)
    assert tcp.login(**headers).status == 204
    cookie = tcp.session()
    assert tcp.call("POST", "/api/v1/tokens", {"name": "x"}, Cookie=cookie, **headers).status == 201
    assert tcp.call("POST", "/api/v1/logout", Cookie=cookie, **headers).status == 204


def test_a_session_without_a_word_of_its_site(box):
    """No browser of today leaves both headers out of a request that changes something."""
    set_password(box)
    cookie = over_tcp(box).session()
    answer = over_tcp(box).call("POST", "/api/v1/tokens", {"name": "x"}, Cookie=cookie)
    assert is_error(answer, 403, "another site")


def test_a_body_is_json(box):
    """What a form of another site's page can send is refused before anything is looked at."""
    set_password(box)
    for kind in "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", None:
        for api in over_tcp(box), over_socket(box):
            answer = api.call("POST", "/api/v1/login", {"password": PASSWORD}, Content_Type=kind)
            assert is_error(answer, 415, "application/json"), kind
    assert over_tcp(box).login(Content_Type="application/json; charset=utf-8").status == 204
    assert refused(box, "type") == 10
