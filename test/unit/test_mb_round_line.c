/* A whole bus of meters, dead and slow and noisy ones among them, for minutes and hours: one dead meter never slows the
 * others (pitfall 12). What must hold at each turn is checked by the line itself (mb_line.h). */
#include "mb_line.h"

static void forget_gaps(void)
{
    for (size_t i = 0; i < n_meters; i++)
        slaves[i].n_gaps = 0;
}

/* The gap between two polls of a meter that this permille of all of them do not differ more from its interval, over
 * meters first .. first + n - 1. */
static int off_by(size_t first, size_t n, int permille)
{
    static unsigned count[100001];
    size_t all = 0, sum = 0;

    memset(count, 0, sizeof count);
    for (size_t i = first; i < first + n; i++)
        for (size_t j = 0; j < slaves[i].n_gaps; j++, all++) {
            int off = abs(slaves[i].gap[j] - meters[i].interval_ms);
            count[off < 100000 ? off : 100000]++;
        }
    assert_true(all > 0);
    for (int off = 0;; off++) {
        sum += count[off];
        if (sum * 1000 >= all * (size_t)permille)
            return off;
    }
}

static unsigned polls_of(size_t first, size_t n)
{
    unsigned sum = 0;

    for (size_t i = first; i < first + n; i++)
        sum += slaves[i].polls;
    return sum;
}

/* Living ones first, then dead ones. */
static void house(size_t living, size_t dead, int interval_ms, int timeout_ms, int poll_ms)
{
    for (size_t i = 0; i < living + dead; i++)
        add(interval_ms, timeout_ms, poll_ms, i >= living);
    begin();
}

/* Each meter's intervals: those in which it answered, and those that were missed, are all that passed. */
static void every_interval_is_told_of(size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        uint64_t all = (uint64_t)((now - START) / meters[i].interval_ms), told = meters[i].missed + slaves[i].answered;
        assert_true(told + 2 >= all && told <= all + 2);
    }
}

/* ---- the bus: twenty meters of which five are dead ---- */

static void fifteen_keep_their_second_beside_five_dead_ones(void **state)
{
    (void)state;
    house(15, 5, 1000, 500, 30);
    run(3000);
    assert_int_equal(in_state(MB_FINE), 15);
    forget_gaps();
    run(600 * 1000);
    assert_int_equal(off_by(0, 15, 1000), 0); /* not one is late by one millisecond */
    assert_int_equal(in_state(MB_OFFLINE), 5);
    for (int i = 15; i < 20; i++)
        assert_in_range(slaves[i].probes, 6, 12);
    every_interval_is_told_of(0, 15);
}

static void and_while_they_die_and_come_back(void **state)
{
    (void)state;
    house(20, 0, 1000, 500, 30);
    run(10000);
    forget_gaps();
    for (int i = 15; i < 20; i++)
        slaves[i].dead = true;
    run(300 * 1000);
    assert_int_equal(in_state(MB_OFFLINE), 5);
    assert_in_range(off_by(0, 15, 980), 0, 100);
    assert_in_range(off_by(0, 15, 1000), 0, 5 * 500);
    for (int i = 15; i < 20; i++)
        slaves[i].dead = false;
    forget_gaps();
    run(300 * 1000);
    assert_int_equal(in_state(MB_FINE), 20);
    assert_in_range(off_by(0, 15, 999), 0, 50);
}

/* Each is found out by a timeout of its own; that is all that the others ever wait for them. */
static void the_first_ones_die(void **state)
{
    (void)state;
    house(20, 0, 1000, 500, 30);
    run(10000);
    forget_gaps();
    for (int i = 0; i < 5; i++)
        slaves[i].dead = true;
    run(300 * 1000);
    assert_int_equal(in_state(MB_OFFLINE), 5);
    assert_in_range(off_by(5, 15, 980), 0, 100);
    assert_in_range(off_by(5, 15, 1000), 0, 5 * 500);
}

/* A timeout as long as the interval never has room: one round in MB_FORCE. */
static void slow_timeouts_are_rare_ones(void **state)
{
    (void)state;
    house(15, 40, 1000, 1000, 30);
    run(100 * 1000); /* each was found dead once */
    assert_int_equal(in_state(MB_FINE), 15);
    assert_int_equal(in_state(MB_OFFLINE), 40);
    forget_gaps();
    forced = 0;
    run(1000 * 1000);
    assert_in_range(forced, 40, 1000 / MB_FORCE);
    assert_int_equal(off_by(0, 15, 850), 0);
    for (int i = 15; i < 55; i++)
        assert_true(slaves[i].probes >= 2); /* each has its turn */
    slaves[17].dead = false;
    run(40 * MB_FORCE * 1000);
    assert_int_equal(meters[17].state, MB_FINE);
}

/* Nor do several that die at once take more than one timeout between two turns of the others. */
static void those_who_die_at_once_are_found_one_by_one(void **state)
{
    (void)state;
    house(20, 0, 1000, 1000, 30);
    run(10000);
    for (int i = 10; i < 20; i++)
        slaves[i].dead = true;
    forget_gaps();
    run(80 * 1000);
    assert_int_equal(in_state(MB_OFFLINE), 10);
    assert_in_range(off_by(0, 10, 1000), 500, 1600);
}

/* One that answers late every fourth time costs its own values, not the others'. */
static void a_shaky_one_comes_last(void **state)
{
    (void)state;
    house(15, 0, 1000, 400, 20);
    slaves[3].late_permille = 250;
    slaves[3].late_ms = 700;
    run(10000);
    forget_gaps();
    run(600 * 1000);
    assert_in_range(off_by(0, 3, 990), 0, 100);
    assert_in_range(off_by(4, 11, 990), 0, 100);
    assert_in_range(slaves[3].answered, 250, 550);
    every_interval_is_told_of(0, 3);
    every_interval_is_told_of(4, 11);
}

/* … and when it answers again it is forgotten. */
static void a_failure_is_forgotten(void **state)
{
    (void)state;
    house(2, 0, 1000, 100, 30);
    run(2500);
    slaves[0].dead = true;
    run(1000);
    slaves[0].dead = false;
    run(3000);
    assert_int_equal(meters[0].state, MB_FINE);
    assert_true(slaves[0].last_ms > slaves[1].last_ms);
    run(20000);
    assert_true(slaves[0].last_ms < slaves[1].last_ms);
}

/* Noise costs no time: the read is asked again in the same second, or it is missed. */
static void noise_on_the_line(void **state)
{
    (void)state;
    house(15, 0, 1000, 200, 30);
    for (int i = 0; i < 15; i++)
        slaves[i].nth_fails = 50;
    run(600 * 1000);
    assert_int_equal(in_state(MB_OFFLINE), 0);
    for (int i = 0; i < 15; i++)
        assert_true(meters[i].missed <= 2);
    assert_true(slaves[0].failed > 5);
}

/* The cable to the meters is pulled, and nothing tells: who is found first is followed by the others. */
static void a_cable_that_is_put_back(void **state)
{
    int64_t back;

    (void)state;
    house(20, 0, 1000, 500, 30);
    slaves[19].dead = true;
    run(3600 * 1000);
    for (int i = 0; i < 19; i++)
        slaves[i].dead = true;
    run(3600 * 1000);
    assert_int_equal(in_state(MB_OFFLINE), 20);
    for (int i = 0; i < 19; i++)
        slaves[i].dead = false;
    back = now;
    while (in_state(MB_FINE) == 0)
        turn(INT64_MAX);
    assert_true(now <= back + MB_PROBE_MAX_MS / 10); /* twenty probes are spread over the five minutes */
    run(5000);
    assert_int_equal(in_state(MB_FINE), 19);
    assert_int_equal(meters[19].probe_ms, MB_PROBE_MAX_MS); /* it went long before */
}

/* ---- start ---- */

static void all_are_found_soon(void **state)
{
    (void)state;
    house(20, 0, 1000, 500, 40); /* four fifths of the line's time */
    run(3000);
    assert_int_equal(in_state(MB_FINE), 20);
}

static void dead_ones_first_do_not_hold_up_the_start(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        add(1000, 500, 30, i < 5);
    begin();
    run(5000);
    assert_int_equal(in_state(MB_FINE), 15);
    forget_gaps();
    run(60000);
    assert_in_range(off_by(5, 15, 990), 0, 10);
}

static void a_full_line_of_247(void **state)
{
    (void)state;
    house(170, 77, 10000, 300, 30);
    run(120 * 1000);
    assert_int_equal(in_state(MB_FINE), 170);
    run(600 * 1000);
    assert_int_equal(in_state(MB_OFFLINE), 77);
    forget_gaps();
    run(600 * 1000);
    assert_in_range(off_by(0, 170, 990), 0, 1000);
}

/* ---- a bus too full for its interval ---- */

static void too_full_is_fair(void **state)
{
    unsigned least = UINT32_MAX, most = 0;

    (void)state;
    house(20, 0, 1000, 500, 100);
    run(600 * 1000);
    assert_int_equal(in_state(MB_FINE), 20);
    for (size_t i = 0; i < 20; i++) {
        least = slaves[i].polls < least ? slaves[i].polls : least;
        most = slaves[i].polls > most ? slaves[i].polls : most;
    }
    assert_true(least * 10 >= most * 8);
    assert_true(polls_of(0, 20) >= 5900); /* the line never rests */
    every_interval_is_told_of(0, 20);
}

/* 30 % of dead ones: the living have nine tenths of what they have without them. */
static void too_full_and_a_third_dead(void **state)
{
    unsigned without;

    (void)state;
    house(14, 0, 500, 500, 100);
    run(600 * 1000);
    without = polls_of(0, 14);
    line_setup(NULL);
    house(14, 6, 500, 500, 100);
    run(600 * 1000);
    assert_int_equal(in_state(MB_FINE), 14);
    assert_true(polls_of(0, 14) * 100 >= without * 95);
    assert_true(forced >= 15); /* and they are looked for all the same */
    for (int i = 14; i < 20; i++)
        assert_true(slaves[i].probes >= 3);
    slaves[19].dead = false;
    run(310 * 1000);
    assert_int_equal(meters[19].state, MB_FINE);
}

static void a_slow_interval_is_kept_among_fast_ones(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        add(100, 200, 20, false); /* twice what the line can */
    for (int i = 0; i < 5; i++)
        add(10000, 200, 50, false);
    begin();
    run(11000);
    forget_gaps();
    run(600 * 1000);
    assert_int_equal(in_state(MB_FINE), 15);
    assert_in_range(off_by(10, 5, 990), 0, 1000);
    assert_true(polls_of(0, 10) > 25000);
}

static void suspects_of_a_full_line_have_their_turn(void **state)
{
    (void)state;
    house(20, 0, 1000, 500, 100);
    for (int i = 0; i < 20; i++)
        slaves[i].nth_fails = 20;
    run(600 * 1000);
    assert_true(in_state(MB_FINE) >= 14);
    assert_int_equal(in_state(MB_OFFLINE), 0);
    for (int i = 0; i < 20; i++)
        assert_true(slaves[i].polls > 150);
}

/* ---- people ---- */

static void asks_take_nobodys_second(void **state)
{
    (void)state;
    house(15, 5, 1000, 300, 30);
    run(10000);
    forget_gaps();
    asking_ms = 300;
    ask_ms = 300; /* a scan: most units are not there */
    run(100 * 1000);
    assert_true(asks > 70);
    assert_int_equal(off_by(0, 15, 1000), 0);
}

static void asks_on_a_full_line_come_one_round_in_six(void **state)
{
    (void)state;
    house(20, 0, 1000, 500, 100);
    run(10000);
    asking_ms = 500;
    ask_ms = 20;
    run(120 * 1000);
    assert_in_range(asks, 15, 24);
}

/* A proxy's client that never stops asking does not keep a meter from being found. */
static void asks_do_not_keep_probes_away(void **state)
{
    (void)state;
    house(10, 3, 1000, 300, 30);
    asking_ms = 200;
    ask_ms = 20;
    run(60 * 1000);
    for (int i = 10; i < 13; i++)
        slaves[i].dead = false;
    run(90 * 1000);
    assert_int_equal(in_state(MB_FINE), 13);
    assert_true(asks > 1000);
}

/* ---- whatever the bus ---- */

static void draw_house(void)
{
    static const int intervals[] = {100, 200, 500, 1000, 1000, 1000, 2000, 5000, 10000, 60000};

    for (unsigned n = 1 + draw(30); n; n--) {
        int timeout = 20 + (int)draw(1500);
        add(intervals[draw(10)], timeout, 1 + (int)draw(100), draw(4) == 0);
        struct slave *s = &slaves[n_meters - 1];
        s->late_permille = draw(3) ? 0 : (int)draw(300);
        s->late_ms = timeout + (int)draw((unsigned)timeout * 3 / 2);
        s->nth_fails = draw(3) ? 0 : 2 + draw(100);
    }
    begin();
    line_round.drain_ms = (int)draw(100);
}

static int64_t longest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Anything may die, live, be late and be pulled: the line's own rules hold; when all is well again all are found. */
static void any_bus_comes_to_rest(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 300; n++) {
        int64_t burst = 0;
        line_setup(NULL);
        seed = n + 1;
        draw_house();
        for (unsigned step = 0; step < 20; step++) {
            run(1 + draw(20000));
            slaves[draw((unsigned)n_meters)].dead ^= true;
            asking_ms = draw(2) ? -1 : 1 + (int)draw(800);
            if (draw(10) == 0) {
                mb_round_line_down(&line_round, now);
                now = longest(now + draw(100000), now + 5000); /* what was late is lost with the line */
                mb_round_line_up(&line_round, now);
                for (size_t i = 0; i < n_meters; i++)
                    slaves[i].late_until = 0;
            }
        }
        for (size_t i = 0; i < n_meters; i++) {
            slaves[i].dead = false;
            slaves[i].late_permille = 0;
            slaves[i].nth_fails = 0;
            burst += slaves[i].poll_ms;
        }
        run(MB_PROBE_MAX_MS + (int64_t)n_meters * (MB_FORCE + 2) * MB_ROUND_MAX_MS);
        assert_int_equal(in_state(MB_FINE), n_meters);
        forget_gaps();
        run(200 * 1000);
        for (size_t i = 0; i < n_meters; i++)
            if (meters[i].interval_ms > burst && asking_ms < 0)
                assert_true(slaves[i].n_gaps + 1 >= (size_t)(200000 / meters[i].interval_ms) * 8 / 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fifteen_keep_their_second_beside_five_dead_ones, line_setup),
        cmocka_unit_test_setup(and_while_they_die_and_come_back, line_setup),
        cmocka_unit_test_setup(the_first_ones_die, line_setup),
        cmocka_unit_test_setup(slow_timeouts_are_rare_ones, line_setup),
        cmocka_unit_test_setup(a_shaky_one_comes_last, line_setup),
        cmocka_unit_test_setup(those_who_die_at_once_are_found_one_by_one, line_setup),
        cmocka_unit_test_setup(a_failure_is_forgotten, line_setup),
        cmocka_unit_test_setup(a_cable_that_is_put_back, line_setup),
        cmocka_unit_test_setup(noise_on_the_line, line_setup),
        cmocka_unit_test_setup(all_are_found_soon, line_setup),
        cmocka_unit_test_setup(dead_ones_first_do_not_hold_up_the_start, line_setup),
        cmocka_unit_test_setup(a_full_line_of_247, line_setup),
        cmocka_unit_test_setup(too_full_is_fair, line_setup),
        cmocka_unit_test_setup(too_full_and_a_third_dead, line_setup),
        cmocka_unit_test_setup(a_slow_interval_is_kept_among_fast_ones, line_setup),
        cmocka_unit_test_setup(suspects_of_a_full_line_have_their_turn, line_setup),
        cmocka_unit_test_setup(asks_take_nobodys_second, line_setup),
        cmocka_unit_test_setup(asks_on_a_full_line_come_one_round_in_six, line_setup),
        cmocka_unit_test_setup(asks_do_not_keep_probes_away, line_setup),
        cmocka_unit_test_setup(any_bus_comes_to_rest, line_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
