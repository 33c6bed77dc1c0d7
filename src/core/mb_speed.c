#include "core/mb_speed.h"

#include "core/util.h"

bool mb_speed_known(int baud)
{
    static const int known[] = {300,   600,    1200,   2400,   4800,   9600,   19200,  38400,
                                57600, 115200, 230400, 460800, 500000, 921600, 1000000};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] == baud)
            return true;
    return false;
}
