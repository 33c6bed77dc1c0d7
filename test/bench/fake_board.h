/* What a sensor board of hardware 2.1 answers, without faults and without delay: it has news of each enabled sensor at
 * each poll. It knows no line and no clock, and it is no simulator. There is one per program. */
#ifndef BENCH_FAKE_BOARD_H
#define BENCH_FAKE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_BOARD_REPLY 256

/* With `on` all sensors are enabled from the start. */
void fake_board_init(bool on);

/* Reply to a message "l" … "." of len bytes, received at now_ms of the board's clock, at reply (FAKE_BOARD_REPLY
 * bytes). Returns its length; *delta says whether it is a poll's. */
size_t fake_board_reply(const char *msg, size_t len, uint32_t now_ms, char *reply, bool *delta);

#endif
