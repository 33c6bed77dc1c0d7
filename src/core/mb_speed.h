/* Which speeds a serial Modbus line can have. Pure. */
#ifndef CORE_MB_SPEED_H
#define CORE_MB_SPEED_H

#include <stdbool.h>

/* For people: all of them. */
#define MB_SPEEDS                                                                                                      \
    "300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 921600, 1000000"

/* libmodbus takes 9600 for any that it does not know, and says nothing. */
bool mb_speed_known(int baud);

#endif
