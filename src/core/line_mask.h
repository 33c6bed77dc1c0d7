/* The numbers of meters in a telegram's text, masked for others to read: who has the text of a house's meter could find
 * out whose it is. It never changes a value. */
#ifndef CORE_LINE_MASK_H
#define CORE_LINE_MASK_H

/* Letters and digits become '*', in place: the serial number in the first line ("/FLU5\253769484_A": what follows the
 * maker and the speed), equipment numbers and text messages of P1 and D0 (96.1.x, 96.13.x, 0.0.x, C.1.x), and of TIC
 * the addresses (ADCO, ADSC, PRM) and messages (MSG1, MSG2). */
void line_mask(char *text);

/* The same of what a meter calls itself, without the "/". */
void line_mask_ident(char *ident);

#endif
