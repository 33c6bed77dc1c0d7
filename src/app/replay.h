/* A recording of the board's line, read again by the real decoders: readings as JSON lines on stdout.
 * It opens no line and no connection. */
#ifndef APP_REPLAY_H
#define APP_REPLAY_H

struct settings;

/* Replay path with the sensors of these settings; NULL: ports 1-3 as clamps of 250 A, 4-5 as electricity pulses.
 * Errors go to stderr with the number of their line. Returns the program's exit status. */
int replay_run(const char *path, const struct settings *settings);

#endif
