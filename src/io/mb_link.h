/* One Modbus line: a serial port, or a TCP connection. All calls block; only a bus thread makes them. It never retries
 * by itself and never sets MODBUS_ERROR_RECOVERY_LINK, which loops for ever on an unplugged adapter (meters.md).
 *
 * libmodbus (loaded when the first is opened) opens and sets a serial line, drives RS-485 and sends. It does not read,
 * for what it does there has cost people data: it takes a local echo and a byte of noise for the answer and then stays
 * one behind; it lets slow bytes stretch the time-out, or counts a long answer's own time against it; it aborts on a
 * descriptor of 1024 or more. Answers are found by core/mb_frame.h. MBAP is ours whole: the library checks no unit
 * there, and refuses 248 to 254. */
#ifndef IO_MB_LINK_H
#define IO_MB_LINK_H

#include "core/mb_stats.h"
#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MB_LINK_ERROR 160

enum mb_rs485 { MB_RS485_NONE, MB_RS485_KERNEL, MB_RS485_RTS, MB_RS485_RTS_LOW };

struct mb_line {        /* strings are the caller's */
    const char *device; /* serial; NULL: TCP */
    const char *host;
    const struct addrinfo *addresses; /* of the host (io/mb_names.h); NULL: host is numbers */
    int port;
    bool rtu; /* over TCP: RTU frames, as transparent serial servers carry them */
    int baud;
    char parity; /* 'N', 'E', 'O' */
    int stop_bits;
    enum mb_rs485 rs485;
};

struct mb_link;

/* Open it: 0, or a negative errno with words for people ("/dev/ttyUSB0: No such file or directory"). A serial line is
 * locked against a second opener (TIOCEXCL, flock). Takes at most connect_ms. */
int mb_link_open(struct mb_link **link, const struct mb_line *line, int connect_ms,
                 char error[MB_LINK_ERROR]) MUSTCHECK;
void mb_link_close(struct mb_link *link);

/* Other speed and parity on an open serial line (a search): as mb_link_open(). */
int mb_link_speed(struct mb_link *link, int baud, char parity, int stop_bits, char error[MB_LINK_ERROR]) MUSTCHECK;

/* Read count (1..125) registers by function 3 or 4. *exception is set with MB_EXCEPTION. What came is checked: unit,
 * function, length, CRC. timeout_ms is what the unit may take to begin its answer; the bytes' own time comes on top. */
enum mb_outcome mb_link_read(struct mb_link *link, int unit, int function, int address, int count, int timeout_ms,
                             uint16_t *words, int *exception);

/* Read and drop what comes until the line was quiet for quiet_ms, at most max_ms; how many bytes there were. */
size_t mb_link_drain(struct mb_link *link, int quiet_ms, int max_ms);

/* More of the last read. */
struct mb_link_seen {
    int64_t took_us; /* from the request's last byte to the answer's */
    size_t noise;    /* bytes before the answer, or instead of one, that no frame holds */
    bool echo;       /* the request came back first */
    int short_words; /* BAD: the unit answered, but only so many words; 0: it was something else */
    int error;       /* GONE: errno */
};
const struct mb_link_seen *mb_link_seen(const struct mb_link *link);

/* Is the device's path away, or another device's by now? Of TCP: no. */
bool mb_link_path_gone(const struct mb_link *link);

/* Bytes on TCP that an answer may still come in belong to a connection: a new one is free of them. */
bool mb_link_is_mbap(const struct mb_link *link);

#endif
