"""pymodbus, so often as it is told:

words N PORT [CONNECTIONS]  reads 30 registers; several connections by its asynchronous client
line N PATH BAUD COUNT      reads registers over a serial line; prints the seconds that took
"""

import asyncio
import sys
import time

from pymodbus.client import AsyncModbusTcpClient, ModbusSerialClient, ModbusTcpClient

COUNT = 30


def checked(answer, count):
    if answer.isError() or len(answer.registers) != count:
        sys.exit(f"no answer: {answer}")


def one(times, port):
    client = ModbusTcpClient("127.0.0.1", port=port)
    client.connect()
    for _ in range(times):
        checked(client.read_input_registers(0, count=COUNT, device_id=1), COUNT)
    client.close()


async def many(times, port, connections):
    async def work():
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        for _ in range(times // connections):
            checked(await client.read_input_registers(0, count=COUNT, device_id=1), COUNT)
        client.close()

    await asyncio.gather(*(work() for _ in range(connections)))


def line(times, path, baud, count):
    client = ModbusSerialClient(path, baudrate=baud, timeout=1)
    client.connect()
    for n in range(-1, times):  # the first one is not counted
        if n == 0:
            began = time.monotonic()
        checked(client.read_input_registers(0, count=count, device_id=1), count)
    print(f"{time.monotonic() - began:.6f}")
    client.close()


def main(layer, times, *rest):
    if layer == "line":
        line(int(times), rest[0], int(rest[1]), int(rest[2]))
    elif len(rest) == 1:
        one(int(times), int(rest[0]))
    else:
        asyncio.run(many(int(times), int(rest[0]), int(rest[1])))


main(*sys.argv[1:])
