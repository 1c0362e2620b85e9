"""Meters made of pymodbus: `pymodbus_server.py IMAGE tcp|PATH` serves a register image.

The image is a list of {"unit", "table", "reg", "type", "order", "value"}; the words are made by
pymodbus, so that nobody on the reading side has made them as well. Registers in between are holes.
Says the port or path once it listens.
"""

import asyncio
import json
import sys

from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def words(entry):
    """The registers of one value."""
    kind = ModbusTcpClient.DATATYPE[entry["type"]]
    return ModbusTcpClient.convert_to_registers(entry["value"], kind, word_order=entry["order"])


def device(unit, entries):
    """One meter: holding and input registers are tables of their own."""
    tables = {"holding": [], "input": []}
    for entry in sorted(entries, key=lambda entry: entry["reg"]):
        block = SimData(entry["reg"], values=words(entry), datatype=DataType.REGISTERS)
        tables[entry["table"]].append(block)
    nothing = [SimData(65535, values=False, datatype=DataType.BITS)]
    unused = [SimData(65535, values=0, datatype=DataType.REGISTERS)]
    holding, inputs = tables["holding"] or unused, tables["input"] or unused
    return SimDevice(id=unit, simdata=(nothing, nothing, holding, inputs))


async def main(image, place):
    """Serves until killed."""
    with open(image, encoding="utf-8") as file:
        entries = json.load(file)
    units = sorted({entry["unit"] for entry in entries})
    meters = [device(unit, [e for e in entries if e["unit"] == unit]) for unit in units]
    if place == "tcp":
        server = ModbusTcpServer(meters, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        place = server.transport.sockets[0].getsockname()[1]
    else:
        server = ModbusSerialServer(
            meters, framer=FramerType.RTU, port=place, baudrate=9600, ignore_missing_devices=True
        )
        await server.serve_forever(background=True)
    print("listening on", place, flush=True)
    await server.serving


asyncio.run(main(*sys.argv[1:]))
