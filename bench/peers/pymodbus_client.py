"""pymodbus, so often as it is told:

words N PORT [CONNECTIONS]   reads 30 registers; several connections by its asynchronous client
floats N PORT [CONNECTIONS]  makes 15 floats of them as well
line N PATH BAUD COUNT       reads registers over a serial line; prints the seconds that took
"""

import asyncio
import sys
import time

from pymodbus.client import AsyncModbusTcpClient, ModbusSerialClient, ModbusTcpClient

COUNT = 30
FLOAT = ModbusTcpClient.DATATYPE.FLOAT32


def checked(answer, count):
    if answer.isError() or len(answer.registers) != count:
        sys.exit(f"no answer: {answer}")
    return answer.registers


def decode(client, words, floats):
    return client.convert_from_registers(words, FLOAT) if floats else words


def one(floats, times, port):
    client = ModbusTcpClient("127.0.0.1", port=port)
    client.connect()
    for _ in range(times):
        answer = client.read_input_registers(0, count=COUNT, device_id=1)
        decode(client, checked(answer, COUNT), floats)
    client.close()


async def many(floats, times, port, connections):
    async def work():
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        for _ in range(times // connections):
            answer = await client.read_input_registers(0, count=COUNT, device_id=1)
            decode(client, checked(answer, COUNT), floats)
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
        one(layer == "floats", int(times), int(rest[0]))
    else:
        asyncio.run(many(layer == "floats", int(times), int(rest[0]), int(rest[1])))


main(*sys.argv[1:])
