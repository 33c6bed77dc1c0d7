/* One meter, or two: the states of each, and what is asked when. */
#include "mb_line.h"

static size_t who;
static int64_t until;

static enum mb_turn next(void)
{
    who = METERS;
    until = -1;
    return mb_round_next(&line_round, now, asking_ms, &who, &until);
}

static void done(bool ok, int took_ms)
{
    now += took_ms;
    mb_round_done(&line_round, who, ok, now);
}

/* Wait for the next turn, whenever it comes. */
static enum mb_turn wait_next(void)
{
    enum mb_turn t;

    while ((t = next()) == MB_TURN_WAIT)
        now = until;
    return t;
}

static void one(int interval_ms, int timeout_ms)
{
    add(interval_ms, timeout_ms, 30, false);
    begin();
}

/* A meter that answers from the start. */
static void one_that_lives(int interval_ms, int timeout_ms)
{
    one(interval_ms, timeout_ms);
    assert_int_equal(next(), MB_TURN_PROBE);
    done(true, 0);
    assert_int_equal(next(), MB_TURN_POLL);
    done(true, 0);
}

static void a_bus_without_meters_waits_for_ever(void **state)
{
    (void)state;
    begin();
    assert_int_equal(next(), MB_TURN_WAIT);
    assert_true(until == INT64_MAX);
    asking_ms = 500;
    assert_int_equal(next(), MB_TURN_ASK);
}

static void a_new_meter_is_asked_at_once_and_then_each_second(void **state)
{
    (void)state;
    one(1000, 500);
    assert_int_equal(meters[0].state, MB_NEW);
    assert_int_equal(next(), MB_TURN_PROBE);
    done(true, 10);
    assert_int_equal(meters[0].state, MB_FINE);
    assert_int_equal(meters[0].since_ms, START + 10);
    assert_int_equal(next(), MB_TURN_POLL); /* its values are wanted now */
    done(true, 30);
    for (int s = 1; s < 100; s++) {
        assert_int_equal(next(), MB_TURN_WAIT);
        assert_int_equal(until, START + s * 1000);
        now = until;
        assert_int_equal(next(), MB_TURN_POLL);
        done(true, 20 + s); /* what it takes moves nothing */
    }
    assert_int_equal(meters[0].missed, 0); /* it was found and read in the same one */
    assert_int_equal(meters[0].since_ms, START + 10);
}

/* The first values of a meter that is read once an hour do not take an hour. */
static void an_interval_of_an_hour(void **state)
{
    (void)state;
    one_that_lives(3600000, 500);
    assert_int_equal(next(), MB_TURN_WAIT);
    assert_int_equal(until, START + 3600000);
}

static void meters_of_one_interval_are_due_together(void **state)
{
    (void)state;
    add(1000, 500, 30, false);
    add(2000, 500, 30, false);
    add(1000, 500, 30, false);
    begin();
    run(2000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(meters[i].due_ms, START + 2000);
    for (int i = 0; i < 3; i++) { /* in their order */
        turn(INT64_MAX);
        assert_int_equal(slaves[i].last_ms, START + 2000 + 30 * (i + 1));
    }
}

static void a_failure_makes_it_suspect_and_quiet(void **state)
{
    (void)state;
    one_that_lives(1000, 200);
    now = START + 1000;
    assert_int_equal(next(), MB_TURN_POLL);
    done(false, 200);
    assert_int_equal(meters[0].state, MB_SUSPECT);
    assert_int_equal(meters[0].since_ms, START + 1200);
    assert_int_equal(next(), MB_TURN_WAIT);
    assert_int_equal(until, START + 1200 + 300); /* 1.5 x its timeout */
    now = until - 1;
    assert_int_equal(next(), MB_TURN_WAIT);
    now++;
    assert_int_equal(next(), MB_TURN_POLL); /* once more in this interval */
    done(true, 30);
    assert_int_equal(meters[0].state, MB_FINE);
    assert_int_equal(meters[0].failures, 0);
    assert_int_equal(meters[0].due_ms, START + 2000);
    assert_int_equal(meters[0].missed, 0);
}

static void three_failures_make_it_offline(void **state)
{
    int64_t at[3] = {0};

    (void)state;
    one_that_lives(1000, 200);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wait_next(), MB_TURN_POLL);
        at[i] = now;
        done(false, 200);
        assert_int_equal(meters[0].state, i < 2 ? MB_SUSPECT : MB_OFFLINE);
    }
    assert_int_equal(at[0], START + 1000);
    assert_int_equal(at[1], START + 1500);
    assert_int_equal(at[2], START + 2000); /* with its next interval, as it is quiet no longer */
    assert_int_equal(meters[0].missed, 2);
}

static void an_answer_in_between_starts_the_count_again(void **state)
{
    (void)state;
    one_that_lives(1000, 200);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(wait_next(), MB_TURN_POLL);
        done(i % 3 == 2, 20);
        assert_int_equal(meters[0].state, i % 3 == 2 ? MB_FINE : MB_SUSPECT);
    }
}

/* 5 s … 300 s, the last quarter of it drawn */
static void probes_get_rarer(void **state)
{
    int distance = MB_PROBE_MIN_MS, drawn = 0;

    (void)state;
    one(1000, 500);
    assert_int_equal(next(), MB_TURN_PROBE);
    done(false, 500);
    assert_int_equal(meters[0].state, MB_OFFLINE);
    for (int i = 0; i < 40; i++) {
        int64_t failed = now;
        assert_int_equal(wait_next(), MB_TURN_PROBE);
        assert_in_range(now - failed, distance * 3 / 4, distance);
        drawn += now - failed != distance && now - failed != distance * 3 / 4;
        done(false, 500);
        distance = distance * 2 < MB_PROBE_MAX_MS ? distance * 2 : MB_PROBE_MAX_MS;
    }
    assert_true(drawn > 30);
    assert_int_equal(meters[0].missed, (now - START) / 1000 + 1); /* that of now, too */
    assert_int_equal(wait_next(), MB_TURN_PROBE);
    done(true, 30);
    assert_int_equal(meters[0].state, MB_FINE);
    assert_int_equal(next(), MB_TURN_POLL);
    done(false, 500); /* and from 5 s again when it goes once more */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wait_next(), MB_TURN_POLL);
        done(false, 500);
    }
    int64_t failed = now;
    assert_int_equal(wait_next(), MB_TURN_PROBE);
    assert_in_range(now - failed, MB_PROBE_MIN_MS * 3 / 4, MB_PROBE_MIN_MS);
}

static void two_houses_do_not_probe_in_step(void **state)
{
    int64_t first;

    (void)state;
    one(1000, 500);
    next();
    done(false, 500);
    first = meters[0].due_ms;
    now = START;
    mb_round_init(&line_round, meters, n_meters, 43, now);
    next();
    done(false, 500);
    assert_int_not_equal(first, meters[0].due_ms);
    now = START;
    mb_round_init(&line_round, meters, n_meters, 0, now); /* no seed is one too */
    next();
    done(false, 500);
    assert_in_range(meters[0].due_ms - now, MB_PROBE_MIN_MS * 3 / 4, MB_PROBE_MIN_MS);
    first = meters[0].due_ms - now;
    now = meters[0].due_ms;
    assert_int_equal(next(), MB_TURN_PROBE);
    done(false, 500);
    assert_int_not_equal(meters[0].due_ms - now, 2 * first);
}

static void a_probe_waits_for_room(void **state)
{
    (void)state;
    one_that_lives(1000, 500);
    meters[n_meters] = (struct mb_meter){.interval_ms = 1000, .timeout_ms = 500};
    line_round.n = ++n_meters;
    meters[1].state = MB_OFFLINE;
    meters[1].probe_ms = MB_PROBE_MIN_MS;
    meters[1].due_ms = START + 501;
    now = START + 501; /* the other one is due in 499 ms */
    assert_int_equal(next(), MB_TURN_WAIT);
    assert_int_equal(until, START + 1000);
    now = until;
    assert_int_equal(next(), MB_TURN_POLL);
    done(true, 30);
    assert_int_equal(next(), MB_TURN_PROBE);
    assert_int_equal(who, 1);
    line_round.drain_ms = 471; /* what a failure takes beyond its timeout must fit too */
    assert_int_equal(next(), MB_TURN_WAIT);
    line_round.drain_ms = 470;
    assert_int_equal(next(), MB_TURN_PROBE);
}

/* Two suspects whose timeout is as long as the other's interval: each waits a round, then one a round is asked, behind
 * the one that is due. */
static void without_room_a_suspect_waits_a_round(void **state)
{
    (void)state;
    one_that_lives(1000, 500);
    for (; n_meters < 3; n_meters++)
        meters[n_meters] = (struct mb_meter){
            .interval_ms = 1000, .timeout_ms = 1000, .state = MB_SUSPECT, .due_ms = START + 600, .slot_ms = START};
    line_round.n = n_meters;
    for (int s = 1; s <= 4; s++) {
        while (next() == MB_TURN_WAIT)
            now = until;
        assert_int_equal(who, 0);
        assert_true(now >= START + s * 1000);
        done(true, 30);
        if (s == 1 || s == 3) { /* not yet; in this round one failed already */
            assert_int_equal(next(), MB_TURN_WAIT);
            continue;
        }
        assert_int_equal(next(), MB_TURN_POLL);
        assert_int_equal(who, s / 2);
        done(false, 1000);
    }
}

static void who_is_hushed_is_left_alone(void **state)
{
    (void)state;
    one_that_lives(1000, 800);
    now = START + 500;
    mb_round_hush(&line_round, 0, now);
    assert_int_equal(meters[0].state, MB_FINE);
    assert_int_equal(next(), MB_TURN_WAIT);
    assert_int_equal(until, START + 500 + 1200);
    now = until;
    assert_int_equal(next(), MB_TURN_POLL);
}

static void asks_get_what_the_seconds_leave(void **state)
{
    (void)state;
    one_that_lives(1000, 500);
    asking_ms = 300;
    now = START + 700;
    assert_int_equal(next(), MB_TURN_ASK);
    now++;
    assert_int_equal(next(), MB_TURN_WAIT);
    assert_int_equal(until, START + 1000);
    now = until;
    assert_int_equal(next(), MB_TURN_POLL);
    done(true, 30);
    assert_int_equal(next(), MB_TURN_ASK);
}

/* A timeout longer than the interval never has room. */
static void an_ask_without_room_comes_in_the_sixth_round(void **state)
{
    (void)state;
    add(1000, 500, 100, false);
    begin();
    run(1500);
    asking_ms = ask_ms = 5000;
    run(4500);
    assert_int_equal(asks, 0);
    run(200);
    assert_int_equal(asks, 1);
    assert_int_equal(ask_at % 1000, (START + 100) % 1000); /* behind the meter's second */
}

static void asks_and_probes_take_turns(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        add(1000, 500, 10, true);
    begin();
    asking_ms = ask_ms = 200;
    run(5000); /* nobody lives: one probe after another */
    assert_in_range(asks, 7, 9);
    assert_in_range(in_state(MB_OFFLINE), 6, 8);
}

static void line_gone_and_back(void **state)
{
    (void)state;
    add(1000, 500, 10, false);
    add(1000, 500, 10, false);
    add(1000, 500, 10, true);
    begin();
    run(1000 * 1000);
    assert_int_equal(meters[2].probe_ms, MB_PROBE_MAX_MS);
    mb_round_line_down(&line_round, now);
    assert_int_equal(in_state(MB_OFFLINE), 3);
    assert_int_equal(meters[0].since_ms, now);
    assert_true(meters[2].since_ms < now);
    now += 100000;
    int64_t back = now;
    mb_round_line_up(&line_round, now);
    run(100);
    assert_int_equal(in_state(MB_FINE), 2);
    assert_true(slaves[1].last_ms <= back + 100);
    unsigned probes = slaves[2].probes;
    run(MB_PROBE_MIN_MS + 1000); /* it is tried once, then as rarely as before */
    assert_int_equal(slaves[2].probes, probes + 1);
    assert_int_equal(meters[2].probe_ms, MB_PROBE_MAX_MS);
    assert_in_range(meters[0].missed, 100, 101);
}

/* What was asked before the line went cannot come late on the new one. */
static void a_new_line_is_not_quiet(void **state)
{
    (void)state;
    one_that_lives(1000, 2000);
    now = START + 1000;
    assert_int_equal(next(), MB_TURN_POLL);
    done(false, 2000);
    mb_round_line_down(&line_round, now);
    mb_round_line_up(&line_round, now + 100);
    now += 100;
    assert_int_equal(next(), MB_TURN_PROBE);
}

/* An adapter that is pulled: first nobody answers, then the path is gone. */
static void who_went_with_the_line_comes_with_it(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        add(1000, 200, 30, false);
    begin();
    run(10000);
    assert_int_equal(in_state(MB_FINE), 20);
    for (int i = 0; i < 20; i++)
        slaves[i].dead = true;
    run(25000);
    assert_true(in_state(MB_OFFLINE) >= 10);
    mb_round_line_down(&line_round, now);
    now += 30000;
    for (int i = 0; i < 20; i++)
        slaves[i].dead = false;
    mb_round_line_up(&line_round, now);
    run(3000);
    assert_int_equal(in_state(MB_FINE), 20);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(mb_state_name(MB_NEW), "new");
    assert_string_equal(mb_state_name(MB_FINE), "ok");
    assert_string_equal(mb_state_name(MB_SUSPECT), "suspect");
    assert_string_equal(mb_state_name(MB_OFFLINE), "offline");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_bus_without_meters_waits_for_ever, line_setup),
        cmocka_unit_test_setup(a_new_meter_is_asked_at_once_and_then_each_second, line_setup),
        cmocka_unit_test_setup(an_interval_of_an_hour, line_setup),
        cmocka_unit_test_setup(meters_of_one_interval_are_due_together, line_setup),
        cmocka_unit_test_setup(a_failure_makes_it_suspect_and_quiet, line_setup),
        cmocka_unit_test_setup(three_failures_make_it_offline, line_setup),
        cmocka_unit_test_setup(an_answer_in_between_starts_the_count_again, line_setup),
        cmocka_unit_test_setup(probes_get_rarer, line_setup),
        cmocka_unit_test_setup(two_houses_do_not_probe_in_step, line_setup),
        cmocka_unit_test_setup(a_probe_waits_for_room, line_setup),
        cmocka_unit_test_setup(without_room_a_suspect_waits_a_round, line_setup),
        cmocka_unit_test_setup(who_is_hushed_is_left_alone, line_setup),
        cmocka_unit_test_setup(asks_get_what_the_seconds_leave, line_setup),
        cmocka_unit_test_setup(an_ask_without_room_comes_in_the_sixth_round, line_setup),
        cmocka_unit_test_setup(asks_and_probes_take_turns, line_setup),
        cmocka_unit_test_setup(line_gone_and_back, line_setup),
        cmocka_unit_test_setup(a_new_line_is_not_quiet, line_setup),
        cmocka_unit_test_setup(who_went_with_the_line_comes_with_it, line_setup),
        cmocka_unit_test_setup(names, line_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
