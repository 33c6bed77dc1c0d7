#include "sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/board.h"

#define DRIFT_MAX         100000
#define WAVEFORMS_MAX     100
#define WAVEFORMS_DEFAULT 4 /* voltage and three currents */

static const char help[] = "Usage: fluksosim [OPTION]...\n"
                           "A simulated household behind a simulated sensor board, on a pseudo-terminal.\n"
                           "Point fluksod (or any program that speaks to the board) at the terminal it prints.\n"
                           "\n"
                           "  --board flm02|flx|none\n"
                           "                       the board to be: of a Fluksometer v2 (default) or v3\n"
                           "  --hardware 2.0|2.1|2.2\n"
                           "                       hardware version of an flm02 (default 2.1)\n"
                           "  --link PATH          keep a symbolic link to the terminal: a name that stays\n"
                           "  --eeprom FILE        keep settings and counters there (default: in memory only);\n"
                           "                       saved when the host commits (flm02: ct) or leaves (flx: exit),\n"
                           "                       each hour (flx), and at an orderly stop\n"
                           "  --control PATH       take orders on this Unix socket, a line each; `help` lists them\n"
                           "  --seed N             which household, and which chance for the faults (default 1)\n"
                           "  --start HH:MM        the household's time of day (default: now); 07:11 is lively\n"
                           "  --speed N            household seconds per second, 0..100000 (default 1); power,\n"
                           "                       counters and the board's clock follow it, reply times stay real;\n"
                           "                       0: time stands still but for the order `advance`\n"
                           "  --fault KIND=RATE[,KIND=RATE]...\n"
                           "                       share of the replies (0..1) to drop, corrupt, cut, delay, or\n"
                           "                       precede with garbage; delay=RATE:MS says how long (300)\n"
                           "  --reply-ms N         flm02: answer after N ms, 0..10000 (default: as the hardware does)\n"
                           "  --clock-offset N     flx: its clock is N seconds ahead of ours at the start (default 0)\n"
                           "  --drift N            flx: its clock runs N millionths fast, -100000..100000 (default 0)\n"
                           "  --waveforms N        flx: N frames of samples a second, 0..100 (default 4)\n"
                           "  --bus LINK           an RS-485 line too, under this name; may be given again\n"
                           "  --meter UNIT:MODEL[:ROLE][:BAUD]\n"
                           "                       a meter on the bus before it: main (default), solar, boiler, grid,\n"
                           "                       l1, l2, l3; answers at that speed alone (default: any)\n"
                           "  --meters DIR         the files of the models (default " SIM_METERS ")\n"
                           "  --line LINK=PROTOCOL[:KIND][:BAUD]\n"
                           "                       a smart meter's telegrams on a terminal of this name, each second;\n"
                           "                       p1: be (default), dsmr2, dsmr4, dsmr5, lu, se, at, hu; d0: push,\n"
                           "                       emh, pull, echo; tic: tri, mono; tic-historique: hc, base, tempo,\n"
                           "                       ejp, tri; may be given again\n"
                           "  --line-fault KIND=RATE[,KIND=RATE]...\n"
                           "                       share of the telegrams (0..1) to cut, glue to the next, flip a bit\n"
                           "                       of, overrun, drop, send with parity bits, precede with noise\n"
                           "  --truth FILE         write what each telegram said there, a line of JSON for each\n"
                           "  --energy FILE        keep the meters' energies there (default: in memory only)\n"
                           "  --line-time          answers on a bus and telegrams take as long as their bytes at its\n"
                           "                       speed, and telegrams come as seldom as a real meter's\n"
                           "  -v, --verbose        show each message and reply on standard error\n"
                           "  -h, --help           this text\n"
                           "  --version            the version\n"
                           "\n"
                           "The household of an flm02: port 1 clamp, main consumption; 2 clamp, solar production;\n"
                           "3 clamp, the electric boiler (a part of main). A clamp shows the household's watts at the\n"
                           "meter constant of 230 V and 50 A (5163), and c/5163 of them at a constant c. That of an\n"
                           "flx: clamps 1, 2, 3 sit on phases 1 (most loads), 2 (boiler) and 3 (solar), and show its\n"
                           "watts at 50 A and shifts 0, 2, 4. Both: 4 pulses, water, one a litre; 5 pulses, gas, one\n"
                           "each 10 litres.\n"
                           "\n"
                           "A line is printed when the board is ready. SIGTERM or SIGINT stops it in order.\n";

static int complain(const char *what, const char *text, const char *want)
{
    fprintf(stderr, "fluksosim: %s: '%s' is not %s\n", what, text, want);
    return -1;
}

int option_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;

    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno || v < min || v > max)
        return -1;
    *out = v;
    return 0;
}

int option_speed(const char *text, double *out)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end != '\0' || !(v >= 0 && v <= SPEED_MAX))
        return -1;
    *out = v;
    return 0;
}

static int parse_model(const char *text, enum flm02_model *out)
{
    for (int m = 0; m < FLM02_MODELS; m++) {
        if (strcmp(text, flm02_model_name((enum flm02_model)m)) == 0) {
            *out = (enum flm02_model)m;
            return 0;
        }
    }
    return -1;
}

static int parse_start(const char *text, int64_t *out)
{
    unsigned h, m;
    char more;

    if (strlen(text) > 5 || sscanf(text, "%u:%u%c", &h, &m, &more) != 2 || h > 23 || m > 59)
        return -1;
    *out = (int64_t)h * 3600 + m * 60;
    return 0;
}

static int64_t now_of_day(void)
{
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    return tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

enum {
    BOARD = 1,
    HARDWARE,
    LINK,
    EEPROM,
    CONTROL,
    SEED,
    START,
    SPEED,
    FAULT,
    REPLY_MS,
    CLOCK_OFFSET,
    DRIFT,
    WAVEFORMS,
    BUS,
    METER,
    METERS,
    ENERGY,
    LINE,
    LINE_FAULT,
    LINE_TIME,
    TRUTH,
    VERSION,
};

static const struct option longs[] = {
    {"board", required_argument, NULL, BOARD},
    {"hardware", required_argument, NULL, HARDWARE},
    {"link", required_argument, NULL, LINK},
    {"eeprom", required_argument, NULL, EEPROM},
    {"control", required_argument, NULL, CONTROL},
    {"seed", required_argument, NULL, SEED},
    {"start", required_argument, NULL, START},
    {"speed", required_argument, NULL, SPEED},
    {"fault", required_argument, NULL, FAULT},
    {"reply-ms", required_argument, NULL, REPLY_MS},
    {"clock-offset", required_argument, NULL, CLOCK_OFFSET},
    {"drift", required_argument, NULL, DRIFT},
    {"waveforms", required_argument, NULL, WAVEFORMS},
    {"bus", required_argument, NULL, BUS},
    {"meter", required_argument, NULL, METER},
    {"meters", required_argument, NULL, METERS},
    {"energy", required_argument, NULL, ENERGY},
    {"line", required_argument, NULL, LINE},
    {"line-fault", required_argument, NULL, LINE_FAULT},
    {"line-time", no_argument, NULL, LINE_TIME},
    {"truth", required_argument, NULL, TRUTH},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

static const struct board_kind *const boards[] = {&board_kind_flm02, &board_kind_flx, &board_kind_none};

static int parse_board(const char *text, const struct board_kind **out)
{
    for (size_t i = 0; i < ARRAY_LEN(boards); i++) {
        if (strcmp(text, boards[i]->name) == 0) {
            *out = boards[i];
            return 0;
        }
    }
    return -1;
}

/* Options that only one board has, and whether they were given. */
struct of_board {
    int opt;
    const struct board_kind *board;
    const char *name;
};

static const struct of_board of_boards[] = {
    {HARDWARE, &board_kind_flm02, "--hardware"},       {REPLY_MS, &board_kind_flm02, "--reply-ms"},
    {CLOCK_OFFSET, &board_kind_flx, "--clock-offset"}, {DRIFT, &board_kind_flx, "--drift"},
    {WAVEFORMS, &board_kind_flx, "--waveforms"},
};

/* An option of the clock or the waveforms. */
static int take_flx(struct options *o, int opt, const char *value)
{
    int64_t n;

    switch (opt) {
    case CLOCK_OFFSET:
        return option_int(value, -INT64_C(1) * UINT32_MAX, UINT32_MAX, &o->clock_offset_s) == 0
                   ? 0
                   : complain("--clock-offset", value, "a whole number of seconds");
    case DRIFT:
        if (option_int(value, -DRIFT_MAX, DRIFT_MAX, &n) < 0)
            return complain("--drift", value, "a number in -100000..100000");
        o->drift_ppm = (int32_t)n;
        return 0;
    default:
        if (option_int(value, 0, WAVEFORMS_MAX, &n) < 0)
            return complain("--waveforms", value, "a number in 0..100");
        o->waveforms = (int)n;
        return 0;
    }
}

/* An option of the buses and lines. */
static int take_bus(struct options *o, int opt, const char *value)
{
    switch (opt) {
    case BUS:
        return options_bus(o, value);
    case METER:
        return options_meter(o, value);
    case METERS:
        o->meters = value;
        return 0;
    case ENERGY:
        o->energy = value;
        return 0;
    case LINE:
        return options_line(o, value);
    case LINE_FAULT:
        return tele_rates_parse(o->line_rates, value) == 0
                   ? 0
                   : complain("--line-fault", value,
                              "a list like cut=0.01,flip=0.02 (cut, glue, flip, overrun, drop, parity, noise)");
    case TRUTH:
        o->truth = value;
        return 0;
    default:
        o->line_time = true;
        return 0;
    }
}

/* One option with its value; as options_parse(). */
static int take(struct options *o, int opt, const char *value)
{
    int64_t n;

    switch (opt) {
    case BOARD:
        return parse_board(value, &o->board) == 0 ? 0
                                                  : complain("--board", value, "a board it can be (flm02, flx, none)");
    case HARDWARE:
        return parse_model(value, &o->model) == 0 ? 0 : complain("--hardware", value, "one of 2.0, 2.1, 2.2");
    case LINK:
        o->link = value;
        return 0;
    case EEPROM:
        o->eeprom = value;
        return 0;
    case CONTROL:
        o->control = value;
        return 0;
    case SEED:
        if (option_int(value, 0, INT64_MAX, &n) < 0)
            return complain("--seed", value, "a whole number");
        o->seed = (uint64_t)n;
        return 0;
    case START:
        return parse_start(value, &o->start_s) == 0 ? 0 : complain("--start", value, "a time HH:MM");
    case SPEED:
        return option_speed(value, &o->speed) == 0 ? 0 : complain("--speed", value, "a number in 0..100000");
    case FAULT:
        return faults_parse(&o->faults, value) == 0
                   ? 0
                   : complain("--fault", value,
                              "a list like drop=0.01,delay=0.01:400 (drop, corrupt, cut, delay, garbage)");
    case REPLY_MS:
        if (option_int(value, 0, 10000, &n) < 0)
            return complain("--reply-ms", value, "a number in 0..10000");
        o->reply_ms = (int)n;
        return 0;
    case CLOCK_OFFSET:
    case DRIFT:
    case WAVEFORMS:
        return take_flx(o, opt, value);
    case BUS:
    case METER:
    case METERS:
    case ENERGY:
    case LINE:
    case LINE_FAULT:
    case LINE_TIME:
    case TRUTH:
        return take_bus(o, opt, value);
    case 'v':
        o->verbose = true;
        return 0;
    case 'h':
        fputs(help, stdout);
        return 1;
    case VERSION:
        puts("fluksosim " FLUKSOD_VERSION);
        return 1;
    default: /* getopt has said what is wrong */
        fputs("fluksosim: --help shows the options\n", stderr);
        return -1;
    }
}

/* Is it an option of another board? */
static int check_board(const struct options *o, const bool given[])
{
    for (size_t i = 0; i < ARRAY_LEN(of_boards); i++) {
        if (!given[of_boards[i].opt] || of_boards[i].board == o->board)
            continue;
        fprintf(stderr, "fluksosim: %s is for --board %s alone\n", of_boards[i].name, of_boards[i].board->name);
        return -1;
    }
    return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
    bool given[VERSION + 1] = {false};
    int opt, rc;

    *o = (struct options){
        .board = &board_kind_flm02, .model = FLM02_2_1, .seed = 1, .speed = 1, .start_s = now_of_day()};
    o->reply_ms = -1;
    o->waveforms = WAVEFORMS_DEFAULT;
    o->meters = SIM_METERS;
    faults_init(&o->faults);
    while ((opt = getopt_long(argc, argv, "hv", longs, NULL)) != -1) {
        rc = take(o, opt, optarg);
        if (rc != 0)
            return rc;
        if (opt <= VERSION)
            given[opt] = true;
    }
    if (optind < argc)
        return complain("argument", argv[optind], "an option");
    faults_seed(&o->faults, o->seed);
    return check_board(o, given);
}
