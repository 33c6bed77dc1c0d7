"""A program that is meters on Modbus lines, none of its protocol ours: pymodbus answers, RTU on one end of a pair of
pseudo-terminals (serial_asyncio), or TCP with either framing. The other end of a pair has a path that can be unplugged.

  modbus_slave.py SOCKET     says "ready"; then takes orders there: modbus_house.Slaves knows them"""
import asyncio
import contextlib
import json
import logging
import os
import sys
import tty

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer

CLOSED_S = 0.02  # how often an end that nobody has open is looked at


class Registers(ModbusSparseDataBlock):
    """What a meter has: it refuses reads of more than `limit` words at once, and of what it does not have."""

    def __init__(self, words, limit):
        super().__init__({address: word for address, word in words})
        self.limit = limit
        self.reads = self.refused = self.longest = 0

    def validate(self, address, count=1):
        self.reads += 1
        self.longest = max(self.longest, count)
        good = count <= self.limit and super().validate(address, count)
        self.refused += not good
        return good


class Nothing(Registers):
    def __init__(self):
        super().__init__([], 0)


class Units(ModbusServerContext):
    """pymodbus asks for the list of units, and then waits for a request: it is one list, which changes meanwhile."""

    def __init__(self):
        super().__init__(slaves={}, single=False)
        self.present = []

    def slaves(self):
        return self.present

    def put(self, unit, meter):
        self[unit] = meter
        self.present[:] = super().slaves()

    def take(self, unit):
        del self[unit]
        self.present[:] = super().slaves()


class Bus:
    """Units on one line. A muted one keeps its registers and says nothing."""

    def __init__(self):
        self.context = Units()
        self.units = {}

    def add(self, unit, function, words, limit):
        store = Registers(words, limit)
        parts = {"hr": store, "ir": Nothing()} if function == 3 else {"hr": Nothing(), "ir": store}
        meter = ModbusSlaveContext(di=Nothing(), co=Nothing(), zero_mode=True, **parts)
        self.units[unit] = store, meter
        self.context.put(unit, meter)

    def mute(self, unit, on):
        if on and unit in self.context:
            self.context.take(unit)
        elif not on:
            self.context.put(unit, self.units[unit][1])

    def set(self, unit, words):
        self.units[unit][0].setValues(0, {address: word for address, word in words})

    def counts(self):
        return {unit: [store.reads, store.refused, store.longest] for unit, (store, _) in self.units.items()}


class Pair:
    """Two pseudo-terminals, and all that is written to one is read from the other: pymodbus has one, a path names the
    other."""

    def __init__(self, path):
        self.path, self.loop = path, asyncio.get_running_loop()
        self.inner, self.inner_slave = os.openpty()
        tty.setraw(self.inner_slave)
        self.outer = None
        self.plug()

    def inner_path(self):
        return os.ttyname(self.inner_slave)

    def plug(self):
        self.outer, slave = os.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)
        os.close(slave)
        os.symlink(name, self.path + ".new")
        os.rename(self.path + ".new", self.path)
        self.loop.add_reader(self.inner, self.carry, self.inner)
        self.listen(self.outer)

    def listen(self, end):
        if end == self.outer:
            self.loop.add_reader(end, self.carry, end)

    def carry(self, end):
        other = self.outer if end == self.inner else self.inner
        try:
            data = os.read(end, 4096)
        except OSError:  # nobody has it open now
            self.loop.remove_reader(end)
            self.loop.call_later(CLOSED_S, self.listen, end)
            return
        if other is not None:
            with contextlib.suppress(OSError):
                os.write(other, data)

    def unplug(self):
        os.unlink(self.path)
        self.loop.remove_reader(self.outer)
        os.close(self.outer)
        self.outer = None


class Slaves:
    def __init__(self):
        self.buses, self.pairs, self.servers, self.tasks = {}, {}, [], []

    async def line(self, key, path):
        """RTU at a path."""
        bus, pair = Bus(), Pair(path)
        server = ModbusSerialServer(bus.context, framer=ModbusRtuFramer, port=pair.inner_path(), baudrate=115200,
                                    ignore_missing_slaves=True)
        await server.start()
        self.buses[key], self.pairs[key] = bus, pair
        self.servers.append(server)

    async def tcp(self, key, port, framing):
        bus = Bus()
        server = ModbusTcpServer(bus.context, framer=ModbusRtuFramer if framing == "rtu" else ModbusSocketFramer,
                                 address=("127.0.0.1", port), allow_reuse_address=True, ignore_missing_slaves=True)
        self.tasks.append(asyncio.create_task(server.serve_forever()))
        await server.serving
        self.buses[key] = bus
        self.servers.append(server)

    async def meter(self, key, unit, function, words, limit):
        self.buses[key].add(unit, function, words, limit)

    async def set(self, key, unit, words):
        self.buses[key].set(unit, words)

    async def mute(self, key, unit, on):
        self.buses[key].mute(unit, on)

    async def counts(self, key):
        return self.buses[key].counts()

    async def unplug(self, key):
        self.pairs[key].unplug()

    async def plug(self, key):
        self.pairs[key].plug()


async def main(path):
    slaves = Slaves()

    async def serve(reader, writer):
        while line := await reader.readline():
            try:
                name, *arguments = json.loads(line)
                answer = {"value": await getattr(slaves, name)(*arguments)}
            except Exception as error:  # told to who asked
                answer = {"error": repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
    server = await asyncio.start_unix_server(serve, path, limit=1 << 22)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # a server that says nothing of clients that come and go
    asyncio.run(main(sys.argv[1]))
