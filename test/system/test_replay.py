"""--record and --replay: what passed on the line gives the same readings again."""
import json
import subprocess

from helpers import BUILD

HEADER = "# fluksod record 1, started 1800000000.400\n"


def replay(file, *more):
    done = subprocess.run([BUILD / "fluksod", "--replay", file, *more], capture_output=True, text=True, timeout=30)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def hexed(text):
    return text.encode().hex()


def test_a_recording_replays_to_what_was_published(board, broker, gateway, subscribe, folder):
    sim, heard = board("--start", "07:11"), subscribe(broker.port)
    g = gateway(sim.link, broker.port)
    record = folder / "line.txt"
    g.start("--record", record)
    g.daemon.wait_for_line("board: polling")
    sim.do("pulse 4 3", "corrupt 1")
    heard.wait_for(r"/sensor/.*/gauge", count=12)
    g.stop()
    lines = record.read_text().splitlines()
    assert lines[0].startswith("# fluksod record 1, started ")
    assert all(len(line.split()) == 3 and line.split()[1] in ("rx", "tx") for line in lines[1:])
    code, readings, err = replay(record, "-c", g.file)
    assert code == 0 and "refused" in err
    live = [(m.topic.split("/")[2], m.json[1]) for m in heard.of(r"/sensor/.*/gauge")]
    assert [(r["sensor"], r["value"]) for r in readings if r["kind"] == "gauge"] == live


def test_a_captured_exchange(folder):
    """T7: two clamps and a pulse input with half units."""
    file = folder / "t7.txt"
    file.write_text(HEADER
                    + f"0 tx {hexed('lgh93.')}\n5 rx {hexed('lgh00020195.u')}\n"
                    + f"1000 tx {hexed('lgd30.')}\n"
                    + f"1005 rx {hexed('lgd0000000002000000000b7801')}\n1006 rx {hexed('0000ffff00000000044c10.u')}\n"
                    + f"2590 tx {hexed('lgd30.')}\n2610 rx {hexed('lgd030000006701f40000169d8c.u')}\n")
    code, readings, err = replay(file)
    assert code == 0 and err == ""
    assert [(r["time"], r["name"], r["kind"], r["value"], r["unit"]) for r in readings] == [
        (1800000001, "port 1", "gauge", 2936, "W"), (1800000001, "port 1", "counter", 2, "Wh"),
        (1800000001, "port 2", "gauge", 1100, "W"), (1800000001, "port 2", "counter", 65535, "Wh"),
        (1800000002, "port 4", "counter", 103.5, "Wh")]


def test_what_was_published_is_what_is_replayed(board, broker, gateway, subscribe, folder):
    """The same seconds too, though the board came only later."""
    heard = subscribe(broker.port)
    g = gateway(folder / "board-0" / "board", broker.port)
    record = folder / "line.txt"
    g.start("--record", record)
    g.daemon.wait_for_line("cannot open it")
    board("--start", "07:11")
    heard.wait_for(r"/sensor/.*/gauge", count=9)
    g.stop()
    live = [[m.topic.split("/")[2], *m.json[:2]] for m in heard.of(r"/sensor/.*/gauge")]
    code, readings, _ = replay(record, "-c", g.file)
    assert code == 0
    assert [[r["sensor"], r["time"], r["value"]] for r in readings if r["kind"] == "gauge"] == live


def test_bad_lines_are_named(folder):
    file = folder / "bad.txt"
    file.write_text("0 rx zz\nhello\n5 rx 123\n-1 rx 00\n7 up 00\n9 rx 6c75\n")
    code, readings, err = replay(file)
    assert code == 1 and readings == []
    assert [line.split(": ")[1] for line in err.splitlines()] == ["line 1", "line 2", "line 3", "line 4", "line 5"]
    assert "line 1: a character that is no hex digit" in err
    file.write_text("# fluksod record 1, started 9223372036854775807.000\n5 rx 6c75\n4 rx 6c75\n" + "6 rx " + "00" * 9000 + "\n")
    code, _, err = replay(file)
    assert code == 1
    assert [line.split(": ")[1] for line in err.splitlines()] == ["line 1", "line 3", "line 4"]
    with open("/dev/full", "w", encoding="ascii") as full:
        file.write_text(HEADER + f"0 rx {hexed('lgd0000000002000000000b78010000ffff00000000044c10.u')}\n")
        done = subprocess.run([BUILD / "fluksod", "--replay", file], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "No space left" in done.stderr
    code, _, err = replay(folder / "none.txt")
    assert code == 1 and "No such file" in err
