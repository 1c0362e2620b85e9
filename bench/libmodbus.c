/* libmodbus: `words N PORT` reads 30 registers so often, `floats N PORT` makes 15 floats of them
 * as well. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 30 };

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "words|floats N PORT\n");
        return 2;
    }
    int floats = strcmp(argv[1], "floats") == 0;
    long times = atol(argv[2]);
    volatile float kept = 0;
    uint16_t words[COUNT];
    modbus_t *client = modbus_new_tcp("127.0.0.1", atoi(argv[3]));
    if (client == NULL || modbus_set_slave(client, 1) != 0 || modbus_connect(client) != 0) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    for (long n = 0; n < times; n++) {
        if (modbus_read_input_registers(client, 0, COUNT, words) != COUNT) {
            fprintf(stderr, "%s\n", modbus_strerror(errno));
            return 1;
        }
        for (int at = 0; floats && at < COUNT; at += 2)
            kept = modbus_get_float_abcd(words + at);
    }
    (void)kept;
    modbus_close(client);
    modbus_free(client);
    return 0;
}
