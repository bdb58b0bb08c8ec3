/* replay: feeds every file of a corpus folder to a fuzz target, as the ordinary test run does.
 * usage: replay FOLDER. Fails when the folder has no file: a target without a corpus proves nothing. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INPUT_MAX (2u << 20)

static uint8_t input[INPUT_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
        DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
        if (folder == NULL) {
                fprintf(stderr, "replay: no corpus at %s\n", argc == 2 ? argv[1] : "?");
                return 1;
        }
        unsigned files = 0;
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
                if (entry->d_name[0] == '.')
                        continue;
                int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
                ssize_t len = fd < 0 ? -1 : read(fd, input, INPUT_MAX);
                if (len < 0) {
                        fprintf(stderr, "replay: can't read %s\n", entry->d_name);
                        return 1;
                }
                /* a block of exactly the input's size, so that a sanitizer sees one byte too far */
                uint8_t *exact = malloc(len > 0 ? (size_t) len : 1);
                for (ssize_t i = 0; exact != NULL && i < len; i++)
                        exact[i] = input[i];
                if (exact != NULL)
                        (void) LLVMFuzzerTestOneInput(exact, (size_t) len); /* returns 0 by libFuzzer's contract */
                free(exact);
                close(fd);
                files++;
        }
        closedir(folder);
        printf("%u inputs\n", files);
        return files > 0 ? 0 : 1;
}
