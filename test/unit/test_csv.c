/* core/csv: files as spreadsheets write them, and each mistake with its place. */
#include "unit.h"

#include "core/csv.h"

#include <stdlib.h>
#include <string.h>

/* "separator|field,field|field" of what was read, then " !line:column what" of each mistake. */
struct seen {
    char text[1024];
};

static void on_mistake(void *ctx, unsigned line, unsigned column, const char *what)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof s->text - n, "!%u:%u %.14s", line, column, what);
}

static const char *parsed_n(const char *text, size_t len)
{
    static struct seen seen;
    struct seen mistakes = {""};
    char *exact = malloc(len ? len : 1); /* so that a byte too far is found */
    struct csv c;

    memcpy(exact, text, len);
    int rc = csv_parse(&c, exact, len, on_mistake, &mistakes);
    assert_int_equal(rc < 0, mistakes.text[0] != '\0');
    free(exact);
    size_t n = (size_t)snprintf(seen.text, sizeof seen.text, "%c", c.separator == '\t' ? 'T' : c.separator);
    for (size_t i = 0; i < c.n_records; i++)
        for (size_t k = 0; k < c.records[i].n; k++)
            n += (size_t)snprintf(seen.text + n, sizeof seen.text - n, "%c%s", k ? '/' : '|',
                                  csv_field(&c, &c.records[i], k)->text);
    snprintf(seen.text + n, sizeof seen.text - n, "%s", mistakes.text);
    csv_free(&c);
    return seen.text;
}

static const char *parsed(const char *text)
{
    return parsed_n(text, strlen(text));
}

static void files_of_all_kinds(void **state)
{
    static const char *const cases[][2] = {
        {"", ","},
        {"a", ",|a"},
        {"a,b\n1,2\n", ",|a/b|1/2"},
        {"a,b\r\n1,2\r\n", ",|a/b|1/2"},
        {"a,b\r1,2\r", ",|a/b|1/2"},
        {"a,b\n1,2", ",|a/b|1/2"},
        {"\xef\xbb\xbf"
         "a;b\r\n1;0,5\r\n",
         ";|a/b|1/0,5"},
        {"a\tb\n1\t2\n", "T|a/b|1/2"},
        {"a\t b \n1\t\t2\n", "T|a/b|1//2"},
        {"sep=;\r\na,b;c\r\n", ";|a,b/c"},
        {"\xef\xbb\xbfSEP=\t\na;b\tc", "T|a;b/c"},
        {"sep=;a\n", ";|sep=/a"},
        {"\"a,b\",c;d\n", ",|a,b/c;d"},
        {"\"a;b;c;d\",c\n", ",|a;b;c;d/c"},
        {"\n\na;b\n;;;\n \n1;2\n\n", ";|a/b|1/2"},
        {"a,b\n1\n1,2,3\n", ",|a/b|1|1/2/3"},
        {" a , b c ,\" d \"\n", ",|a/b c/ d "},
        {"a,\"b\"\"c\"\"\",\"\"\n", ",|a/b\"c\"/"},
        {"a,\"b\r\nc\"\n", ",|a/b\nc"},
        {"a,\"b\" ,c\n", ",|a/b/c"},
        {"Zähler,日本\n", ",|Zähler/日本"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(parsed(cases[i][0]), cases[i][1]);
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    assert_string_equal(parsed("a,b\n1,\"x\n"), ",|a/b|1/x\n!2:3 a field that b");
    assert_string_equal(parsed("a,\""), ",|a/!1:3 a field that b");
    assert_string_equal(parsed("a,\"\"\""), ",|a/\"!1:3 a field that b");
    assert_string_equal(parsed("\"a\"b\"c,d\ne,f\"\n"), ",|a/d|e/f\"!1:4 more stands be!2:4 a field with a");
    assert_string_equal(parsed("é,5\" x 3\"\n"), ",|é/5\" x 3\"!1:4 a field with a");
    assert_string_equal(parsed("a,\"b\nc\",d\"\n"), ",|a/b\nc/d\"!2:5 a field with a"); /* lines of the file */
    assert_string_equal(parsed("caf\xe9,\xe9\nb\x01,c\n"), ",|caf?/?|b/c!1:4 this is no UTF!2:2 a control char");
    assert_string_equal(parsed_n("a\0b,c", 5), ",|ab/c!1:2 a control char");
    assert_string_equal(parsed_n("\xff\xfe"
                                 "a\0",
                                 4),
                        ",!1:1 this is UTF-16");
}

/* What is written is read as it was. */
static void round_trip(void **state)
{
    static const char *const fields[] = {"",           "plain",    "a,b", "a;b", "a\tb", "say \"x\"",
                                         "two\nlines", " spaces ", "ü",   "\"",  "0,5"};

    (void)state;
    for (const char *separator = ",;\t"; *separator; separator++) {
        char *text = NULL;
        size_t len = 0;
        struct seen mistakes = {""};
        struct csv c;
        FILE *out = open_memstream(&text, &len);
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
            if (i)
                putc(*separator, out);
            csv_put(out, fields[i], *separator);
        }
        fputs("\r\n", out);
        fclose(out);
        assert_int_equal(csv_parse(&c, text, len, on_mistake, &mistakes), 0);
        assert_int_equal(c.separator, *separator);
        assert_int_equal(c.n_records, 1);
        assert_int_equal(c.records[0].n, ARRAY_LEN(fields));
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            assert_string_equal(c.fields[i].text, fields[i]);
        csv_free(&c);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_all_kinds),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
