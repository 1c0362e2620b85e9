/* libmodbus, so often as it is told:
 *
 *   words N PORT [CONNECTIONS]   reads 30 registers, each connection in a thread of its own
 *   floats N PORT [CONNECTIONS]  makes 15 floats of them as well
 *   line N PATH BAUD COUNT       reads registers over a serial line; prints the seconds that took
 */
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT = 30, MOST = 1000 };

struct work {
    long times;
    int port;
    int floats;
};

static void fail(void)
{
    fprintf(stderr, "%s\n", modbus_strerror(errno));
    exit(1);
}

static modbus_t *connected(modbus_t *client)
{
    if (client == NULL || modbus_set_slave(client, 1) != 0 || modbus_connect(client) != 0)
        fail();
    return client;
}

static void *work(void *argument)
{
    const struct work *work = argument;
    volatile float kept = 0;
    uint16_t words[COUNT];
    modbus_t *client = connected(modbus_new_tcp("127.0.0.1", work->port));
    for (long n = 0; n < work->times; n++) {
        if (modbus_read_input_registers(client, 0, COUNT, words) != COUNT)
            fail();
        for (int at = 0; work->floats && at < COUNT; at += 2)
            kept = modbus_get_float_abcd(words + at);
    }
    (void)kept;
    modbus_close(client);
    modbus_free(client);
    return NULL;
}

static void line(long times, const char *path, int baud, int count)
{
    uint16_t words[MODBUS_MAX_READ_REGISTERS];
    struct timespec from, to;
    modbus_t *client = connected(modbus_new_rtu(path, baud, 'N', 8, 1));
    for (long n = -1; n < times; n++) { /* the first one is not counted */
        if (n == 0)
            clock_gettime(CLOCK_MONOTONIC, &from);
        if (modbus_read_input_registers(client, 0, count, words) != count)
            fail();
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.6f\n", (double)(to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9);
    modbus_close(client);
    modbus_free(client);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "line") == 0) {
        line(atol(argv[2]), argv[3], atoi(argv[4]), atoi(argv[5]));
        return 0;
    }
    int many = argc == 5 ? atoi(argv[4]) : 1;
    if (argc < 4 || argc > 5 || many < 1 || many > MOST) {
        fprintf(stderr, "words|floats N PORT [CONNECTIONS], or line N PATH BAUD COUNT\n");
        return 2;
    }
    struct work all = {atol(argv[2]) / many, atoi(argv[3]), strcmp(argv[1], "floats") == 0};
    if (many == 1) {
        work(&all);
        return 0;
    }
    pthread_t threads[MOST];
    for (int n = 0; n < many; n++) {
        if (pthread_create(&threads[n], NULL, work, &all) != 0)
            return 1;
    }
    for (int n = 0; n < many; n++)
        pthread_join(threads[n], NULL);
    return 0;
}
