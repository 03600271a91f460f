/* The least that a program can do for one step: write the line, poll and read until `OK`, keep the number.
 * No deadlines but poll's, no errors, no URCs, no record.
 *
 *     floor PTY STEPS
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int port = open(argv[1], O_RDWR | O_NOCTTY);
    struct termios settings;
    if (port < 0 || tcgetattr(port, &settings) < 0) return 3;
    cfmakeraw(&settings);
    if (tcsetattr(port, TCSANOW, &settings) < 0) return 3;

    static char buffer[1 << 16];
    long sum = 0;
    for (long steps = strtol(argv[2], NULL, 10); steps > 0; steps--) {
        if (write(port, "AT+CSQ\r\n", 8) != 8) return 3;
        size_t held = 0;
        int rssi = 99, over = 0;
        while (!over) {
            struct pollfd polled = { .fd = port, .events = POLLIN };
            if (poll(&polled, 1, 10000) != 1) return 1;
            ssize_t count = read(port, buffer + held, sizeof buffer - held);
            if (count <= 0) return 3;
            held += (size_t)count;
            char *line = buffer, *end;
            while ((end = memchr(line, '\n', held - (size_t)(line - buffer))) != NULL) {
                if (memcmp(line, "+CSQ: ", 6) == 0) rssi = atoi(line + 6);
                else if (memcmp(line, "OK\r", 3) == 0) over = 1;
                line = end + 1;
            }
            held -= (size_t)(line - buffer);
            memmove(buffer, line, held);
        }
        if (rssi == 99) return 1;
        sum += rssi;
    }
    printf("%ld\n", sum);
    return 0;
}
