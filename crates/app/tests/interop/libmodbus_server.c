/* A meter made of libmodbus: `libmodbus_server tcp|PATH` serves a few numbers as meter 7.
 * Says the port or path once it listens. Input registers hold the numbers, holding registers the
 * same ones from register 100 on, so that a wrong function is a wrong answer. */

#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { METER = 7, REGISTERS = 200, SECOND = 100 };

/* One float in the four orders that meters know. libmodbus has functions for them, whose names have
 * meant different orders in different versions. */
static void fill_float(uint16_t *at, float number) {
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint16_t high = bits >> 16, low = bits & 0xffff;
    const uint16_t orders[] = {high,        low,        low,        high,
                               htons(high), htons(low), htons(low), htons(high)};
    memcpy(at, orders, sizeof orders);
}

static void fill(uint16_t *at) {
    const int32_t fallen = -412070;
    const int64_t long_index = 9007199254740993; /* no double holds it */
    int16_t *words = (int16_t *)at;
    fill_float(at, 4120.77f);
    MODBUS_SET_INT32_TO_INT16(words, 8, fallen);
    MODBUS_SET_INT64_TO_INT16(words, 10, long_index);
    at[14] = 0xffff;
}

static void answer(modbus_t *line, modbus_mapping_t *numbers) {
    uint8_t question[MODBUS_TCP_MAX_ADU_LENGTH];
    int length;
    while ((length = modbus_receive(line, question)) >= 0) {
        if (length > 0) modbus_reply(line, question, length, numbers);
    }
}

static int serve_tcp(modbus_mapping_t *numbers) {
    modbus_t *line = modbus_new_tcp("127.0.0.1", 0);
    int listening = modbus_tcp_listen(line, 1);
    struct sockaddr_in place;
    socklen_t size = sizeof place;
    if (listening < 0 || getsockname(listening, (struct sockaddr *)&place, &size) != 0) return 1;
    printf("listening on %d\n", ntohs(place.sin_port));
    fflush(stdout);
    while (modbus_tcp_accept(line, &listening) >= 0) {
        answer(line, numbers);
        close(modbus_get_socket(line));
    }
    return 1;
}

static int serve_rtu(const char *path, modbus_mapping_t *numbers) {
    modbus_t *line = modbus_new_rtu(path, 9600, 'N', 8, 1);
    if (line == NULL || modbus_set_slave(line, METER) != 0 || modbus_connect(line) != 0) {
        fprintf(stderr, "%s: %s\n", path, modbus_strerror(errno));
        return 1;
    }
    printf("listening on %s\n", path);
    fflush(stdout);
    for (;;) answer(line, numbers);
}

int main(int count, char **arguments) {
    modbus_mapping_t *numbers = modbus_mapping_new(0, 0, REGISTERS, REGISTERS);
    if (count != 2 || numbers == NULL) return 2;
    fill(numbers->tab_input_registers);
    fill(numbers->tab_registers + SECOND);
    if (strcmp(arguments[1], "tcp") == 0) return serve_tcp(numbers);
    return serve_rtu(arguments[1], numbers);
}
