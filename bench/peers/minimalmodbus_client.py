"""minimalmodbus: `line N PATH BAUD COUNT` reads registers so often; prints the seconds."""

import sys
import time

import minimalmodbus


def line(times, path, baud, count):
    client = minimalmodbus.Instrument(path, 1)
    client.serial.baudrate = baud
    client.serial.timeout = 1
    for n in range(-1, times):  # the first one is not counted
        if n == 0:
            began = time.monotonic()
        if len(client.read_registers(0, count, functioncode=4)) != count:
            sys.exit("not all registers")
    print(f"{time.monotonic() - began:.6f}")


line(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
