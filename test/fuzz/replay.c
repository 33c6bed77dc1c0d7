/* A fuzzer without libFuzzer: runs it once over every file of the directories given, so that each input that
 * was ever found stays a test with any compiler. Fails when there was none. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned inputs;

/* The input in a block of exactly its size: a sanitizer sees the first byte read beyond. */
static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size = -1;

    if (f && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    if (size < 0) {
        perror(path);
        exit(1);
    }
    uint8_t *data = malloc((size_t)size);
    rewind(f);
    if (fread(data, 1, (size_t)size, f) != (size_t)size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    inputs++;
}

static void run_directory(const char *directory)
{
    DIR *d = opendir(directory);
    char path[4096];

    if (!d) {
        perror(directory);
        exit(1);
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        run_file(path);
    }
    closedir(d);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_directory(argv[i]);
    printf("%u inputs\n", inputs);
    return inputs == 0;
}
