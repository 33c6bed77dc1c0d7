/* Modbus RTU on the meters' side: requests out of bytes, answers into bytes, written from "Modbus over serial line"
 * V1.02 and "Modbus application protocol" V1.1b3 alone. It never knows a meter, a line or a clock.
 *
 *   request     unit  function 3|4  address  count      CRC      (two bytes each, high byte first)
 *   answer      unit  function      bytes    words …    CRC      (low byte first)
 *   exception   unit  function|80h  code                CRC
 */
#ifndef SIM_BUS_WIRE_H
#define SIM_BUS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define BUS_FRAME_MAX 256
#define BUS_READ_MAX  125 /* registers of one read */

enum bus_exception { BUS_NO_EXCEPTION, BUS_ILLEGAL_FUNCTION, BUS_ILLEGAL_ADDRESS, BUS_ILLEGAL_VALUE };

struct bus_request {
    uint8_t unit, function;
    uint16_t address, count; /* of functions 3 and 4; 0 else */
};

uint16_t bus_crc16(const uint8_t *bytes, size_t n);

/* The first frame in the bytes: its length, 0 while there is none that is whole and right. What is wrong never becomes
 * right: who owns the line drops it when it is silent. */
size_t bus_wire_take(const uint8_t *bytes, size_t n, struct bus_request *out);

/* An answer with these words, or an exception; into BUS_FRAME_MAX bytes. Returns its length. */
size_t bus_wire_answer(const struct bus_request *r, const uint16_t *words, uint8_t *dst);
size_t bus_wire_refuse(const struct bus_request *r, uint8_t exception, uint8_t *dst);

#endif
