#include "unit.h"

#include "core/jobs.h"
#include "core/jsonw.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static struct jobs jobs;
static struct job_time now;
static char error[JOB_LINE];

/* What the owner of a verb was asked, and what it shall do. */
static struct {
    int starts, cancels;
    job_handle last;
    const cJSON *args;
    bool refuse, at_once;
} owner;

static int begin(void *self, job_handle j, const cJSON *args, char why[JOB_LINE])
{
    assert_ptr_equal(self, &owner);
    owner.starts++;
    owner.last = j;
    owner.args = args;
    jobs_line(&jobs, j, "begun");
    if (owner.refuse) {
        snprintf(why, JOB_LINE, "not on a Sunday");
        return -1;
    }
    if (owner.at_once)
        jobs_end(&jobs, now, j, JOB_DONE, NULL);
    return 0;
}

static void cancel(void *self, job_handle j)
{
    assert_ptr_equal(self, &owner);
    assert_int_equal(jobs_get(&jobs, j)->state, JOB_CANCELLED);
    owner.cancels++;
    owner.last = j;
}

/* What an observer saw: the first letter of the job's state, each time. */
static char seen[64];

static void look(void *ctx, const struct job *j)
{
    size_t n = strlen(seen);

    assert_ptr_equal(ctx, seen);
    if (n + 1 < sizeof seen)
        seen[n] = job_state_name(j->state)[0];
}

static int setup(void **state)
{
    static const struct verb sync = {"sync", "/api/v1/sync", begin, cancel, &owner},
                             fixed = {"fixed", NULL, begin, NULL, &owner};

    (void)state;
    jobs_init(&jobs);
    memset(&owner, 0, sizeof owner);
    memset(seen, 0, sizeof seen);
    now = (struct job_time){1000, 1700000000};
    jobs_add_verb(&jobs, &sync);
    jobs_add_verb(&jobs, &fixed);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jobs_fini(&jobs);
    return 0;
}

static job_handle start(const char *verb, enum jobs_why expect)
{
    job_handle j;

    assert_int_equal(jobs_start(&jobs, now, verb, NULL, &j, error), expect);
    return j;
}

static cJSON *written(job_handle h, bool whole)
{
    struct jsonw w;

    jsonw_init(&w);
    job_write(jobs_get(&jobs, h), whole, &w);
    cJSON *tree = cJSON_ParseWithLength(w.buf, w.len);
    assert_non_null(tree);
    jsonw_free(&w);
    return tree;
}

static void a_job_from_start_to_end(void **state)
{
    (void)state;
    job_handle j = start("sync", JOBS_OK);
    assert_int_equal(owner.last, j);
    assert_null(owner.args);
    assert_string_equal(jobs_get(&jobs, j)->lines[0], "begun");
    jobs_percent(&jobs, j, 40);
    jobs_percent(&jobs, j, 140);
    assert_int_equal(jobs_get(&jobs, j)->percent, 100);
    jobs_percent(&jobs, j, -1);
    assert_int_equal(jobs_get(&jobs, j)->percent, 0);
    jobs_line(&jobs, j, "%d of %d", 3, 7);
    now = (struct job_time){2500, 1700000001};
    jobs_end(&jobs, now, j, JOB_DONE, strdup("{\"n\":7}"));
    cJSON *t = written(j, true);
    assert_string_equal(cJSON_GetObjectItem(t, "id")->valuestring, "j1");
    assert_string_equal(cJSON_GetObjectItem(t, "verb")->valuestring, "sync");
    assert_string_equal(cJSON_GetObjectItem(t, "state")->valuestring, "done");
    assert_int_equal(cJSON_GetObjectItem(t, "percent")->valueint, 100);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(t, "lines")), 2);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(t, "result"), "n")->valueint, 7);
    assert_int_equal(cJSON_GetObjectItem(t, "started_s")->valueint, 1700000000);
    assert_int_equal(cJSON_GetObjectItem(t, "ended_s")->valueint, 1700000001);
    cJSON_Delete(t);
    t = written(j, false);
    assert_string_equal(cJSON_GetObjectItem(t, "line")->valuestring, "3 of 7");
    assert_null(cJSON_GetObjectItem(t, "lines"));
    cJSON_Delete(t);
}

static void without_a_clock_times_are_null(void **state)
{
    (void)state;
    now.unix_s = 0;
    cJSON *t = written(start("sync", JOBS_OK), true);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(t, "started_s")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(t, "ended_s")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(t, "result")));
    cJSON_Delete(t);
}

static void one_of_a_verb_at_a_time(void **state)
{
    (void)state;
    job_handle j = start("sync", JOBS_OK);
    assert_int_equal(start("sync", JOBS_RUNNING), j);
    assert_string_equal(error, "sync is running already");
    assert_int_equal(owner.starts, 1);
    job_handle other = start("fixed", JOBS_OK);
    assert_true(other != j);
    jobs_end(&jobs, now, j, JOB_FAILED, NULL);
    assert_true(start("sync", JOBS_OK) > other);
    assert_int_equal(start("dance", JOBS_UNKNOWN), 0);
    assert_string_equal(error, "dance: nothing of that name can be started");
}

static void an_owner_may_refuse(void **state)
{
    (void)state;
    jobs_watch(&jobs, look, seen);
    owner.refuse = true;
    assert_int_equal(start("sync", JOBS_REFUSED), 0);
    assert_string_equal(error, "not on a Sunday");
    assert_string_equal(seen, ""); /* nobody hears of a job that never was */
    assert_int_equal(jobs.n, 0);
    jobs_line(&jobs, owner.last, "who?");
    jobs_end(&jobs, now, owner.last, JOB_DONE, strdup("{}"));
    assert_int_equal(jobs.late, 2);
}

static void an_owner_may_be_done_at_once(void **state)
{
    (void)state;
    jobs_watch(&jobs, look, seen);
    owner.at_once = true;
    job_handle j = start("sync", JOBS_OK);
    assert_int_equal(jobs_get(&jobs, j)->state, JOB_DONE);
    assert_string_equal(seen, "d");
    start("sync", JOBS_OK);
}

static void a_cancelled_job_is_left_alone(void **state)
{
    (void)state;
    job_handle j = start("sync", JOBS_OK);
    assert_int_equal(jobs_cancel(&jobs, now, j), JOBS_OK);
    assert_int_equal(owner.cancels, 1);
    assert_int_equal(jobs_cancel(&jobs, now, j), JOBS_ENDED);
    jobs_line(&jobs, j, "too late");
    jobs_percent(&jobs, j, 100);
    jobs_end(&jobs, now, j, JOB_DONE, strdup("{}"));
    assert_int_equal(jobs.late, 3);
    assert_int_equal(jobs_get(&jobs, j)->state, JOB_CANCELLED);
    assert_null(jobs_get(&jobs, j)->result);
    assert_int_equal(jobs_get(&jobs, j)->percent, 0);
    assert_int_equal(jobs_cancel(&jobs, now, 99), JOBS_UNKNOWN);
    job_handle next = start("sync", JOBS_OK);
    jobs_end(&jobs, now, j, JOB_DONE, NULL); /* the old one's: the new one goes on */
    assert_int_equal(jobs_get(&jobs, next)->state, JOB_RUNNING);
    assert_int_equal(jobs_cancel(&jobs, now, start("fixed", JOBS_OK)), JOBS_FIXED);
}

static void ended_ones_are_kept_ten_minutes(void **state)
{
    (void)state;
    job_handle runs = start("fixed", JOBS_OK), j = start("sync", JOBS_OK);
    now.mono_ms += 5000;
    jobs_end(&jobs, now, j, JOB_DONE, NULL);
    jobs_expire(&jobs, now.mono_ms + JOBS_KEEP - 1);
    assert_ptr_equal(jobs_find(&jobs, "j2"), jobs_get(&jobs, j));
    jobs_expire(&jobs, now.mono_ms + JOBS_KEEP);
    assert_null(jobs_get(&jobs, j));
    assert_null(jobs_find(&jobs, "j2"));
    assert_non_null(jobs_get(&jobs, runs));
}

static void ended_ones_give_way(void **state)
{
    (void)state;
    job_handle runs = start("fixed", JOBS_OK), first = 0, last = 0;
    for (int i = 0; i < 2 * JOBS_MAX; i++) {
        last = start("sync", JOBS_OK);
        first = first ? first : last;
        now.mono_ms++;
        jobs_end(&jobs, now, last, JOB_DONE, NULL);
    }
    assert_int_equal(jobs.n, JOBS_MAX);
    assert_null(jobs_get(&jobs, first));
    assert_non_null(jobs_get(&jobs, runs));
    assert_non_null(jobs_get(&jobs, last));
    assert_non_null(jobs_get(&jobs, last - (JOBS_MAX - 2)));
    assert_null(jobs_get(&jobs, last - (JOBS_MAX - 1)));
}

static void no_place_while_all_run(void **state)
{
    static char names[JOBS_MAX][8];

    (void)state;
    jobs_init(&jobs);
    for (int i = 0; i < JOBS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "v%d", i);
        jobs_add_verb(&jobs, &(struct verb){names[i], NULL, begin, cancel, &owner});
    }
    for (int i = 0; i < JOBS_MAX; i++)
        start(names[i], JOBS_OK);
    struct job *one = jobs.v[3];
    one->verb = &jobs.verbs[4]; /* as many verbs as places: only so one is free to start while all places are taken */
    assert_int_equal(start("v3", JOBS_FULL), 0);
    assert_string_equal(error, "16 jobs are running: wait until one has ended");
}

static void lines_are_bounded(void **state)
{
    char text[600];

    (void)state;
    job_handle j = start("sync", JOBS_OK);
    for (int i = 0; i < 3 * JOB_LINES; i++)
        jobs_line(&jobs, j, "line %d", i);
    const struct job *one = jobs_get(&jobs, j);
    assert_int_equal(one->n_lines, JOB_LINES);
    assert_string_equal(one->lines[0], "line 128");
    assert_string_equal(one->lines[JOB_LINES - 1], "line 191");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    jobs_line(&jobs, j, "%s", text);
    assert_in_range(strlen(one->lines[JOB_LINES - 1]), JOB_LINE - 8, JOB_LINE - 1);
    jobs_line(&jobs, j, "a\nb\x1b[31m \xff");
    assert_string_equal(one->lines[JOB_LINES - 1], "a b [31m ?");
}

static void each_change_is_seen(void **state)
{
    (void)state;
    jobs_watch(&jobs, look, seen);
    job_handle j = start("sync", JOBS_OK);
    jobs_line(&jobs, j, "a");
    jobs_percent(&jobs, j, 50);
    jobs_percent(&jobs, j, 50); /* no change */
    jobs_end(&jobs, now, j, JOB_FAILED, NULL);
    jobs_line(&jobs, j, "late");
    assert_string_equal(seen, "rrrf");
    jobs_unwatch(&jobs, seen);
    start("sync", JOBS_OK);
    assert_string_equal(seen, "rrrf");
}

static int64_t numbers[4];

static void number(void *ctx, const struct stat_value *s)
{
    int *i = ctx;

    assert_true(*i < 4);
    numbers[(*i)++] = s->value;
}

static void it_counts(void **state)
{
    int n = 0;

    (void)state;
    job_handle j = start("sync", JOBS_OK);
    start("fixed", JOBS_OK);
    jobs_end(&jobs, now, j, JOB_DONE, NULL);
    jobs_end(&jobs, now, j, JOB_DONE, NULL);
    owner.refuse = true;
    start("sync", JOBS_REFUSED);
    jobs_stats(&jobs, number, &n);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(numbers[1], 1);
    assert_int_equal(numbers[2], 1);
    assert_int_equal(numbers[3], 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_from_start_to_end),
        TEST(without_a_clock_times_are_null),
        TEST(one_of_a_verb_at_a_time),
        TEST(an_owner_may_refuse),
        TEST(an_owner_may_be_done_at_once),
        TEST(a_cancelled_job_is_left_alone),
        TEST(ended_ones_are_kept_ten_minutes),
        TEST(ended_ones_give_way),
        TEST(no_place_while_all_run),
        TEST(lines_are_bounded),
        TEST(each_change_is_seen),
        TEST(it_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
