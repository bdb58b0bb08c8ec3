#include "tests/fakes/tsm.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/auto.h"

#define FUSE_MAGIC 0x65735546

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        perror(what);
        abort();
}

/* BUILD/unit/attester/evidence/x_test has it at BUILD/tests/tsm. */
static void find_emulator(char *ret, size_t size)
{
        char self[512];
        ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
        must(len > 0, "/proc/self/exe");
        self[len] = '\0';
        char *unit = strstr(self, "/unit/");
        must(unit != NULL, "the build's folder");
        *unit = '\0';
        must((size_t) snprintf(ret, size, "%s/tests/tsm", self) < size, "the emulator's path");
        must(access(ret, X_OK) == 0, ret);
}

static bool is_mounted(const char *path)
{
        struct statfs s;
        return statfs(path, &s) == 0 && s.f_type == FUSE_MAGIC;
}

bool tsm_emulator_start(struct tsm_emulator *t, const char *provider)
{
        char program[600];
        if (access("/dev/fuse", R_OK | W_OK) != 0)
                return false;
        find_emulator(program, sizeof program);
        (void) snprintf(t->folder, sizeof t->folder, "/tmp/vouchsafe-tsm-XXXXXX"); /* fits, as below */
        must(mkdtemp(t->folder) != NULL, t->folder);
        must(chmod(t->folder, 0755) == 0, t->folder);
        (void) snprintf(t->base, sizeof t->base, "%s/report", t->folder);
        (void) snprintf(t->control, sizeof t->control, "%s/control", t->folder);
        must(mkdir(t->base, 0755) == 0, t->base);
        tsm_emulator_say(t, "");
        t->pid = fork();
        must(t->pid >= 0, "fork");
        if (t->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM); /* it unmounts then */
                /* libfuse keeps a few bytes until it is gone */
                (void) setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* NOLINT(concurrency-mt-unsafe): after a fork */
                execl(program, program, t->base, t->control, provider, (char *) NULL);
                _exit(127);
        }
        while (!is_mounted(t->base)) {
                if (waitpid(t->pid, NULL, WNOHANG) != 0) {
                        t->pid = 0;
                        return false; /* it may not mount here */
                }
                (void) usleep(1000); /* until it is there */
        }
        return true;
}

void tsm_emulator_say(const struct tsm_emulator *t, const char *text)
{
        AUTO_CLOSE int fd = open(t->control, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        static unsigned edition; /* the same text again begins its counts again */
        must(fd >= 0 && dprintf(fd, "edition=%u\n%s", ++edition, text) > 0, t->control);
}

unsigned tsm_emulator_count(const struct tsm_emulator *t)
{
        unsigned count = 0;
        DIR *d = opendir(t->base);
        must(d != NULL, t->base);
        while (readdir(d) != NULL)
                count++;
        closedir(d);
        return count;
}

void tsm_emulator_clear(struct tsm_emulator *t)
{
        if (t->pid > 0) {
                (void) umount2(t->base, MNT_DETACH);
                (void) kill(t->pid, SIGTERM);
                (void) waitpid(t->pid, NULL, 0);
        }
        if (t->folder[0] != '\0') {
                (void) rmdir(t->base);
                (void) unlink(t->control);
                (void) rmdir(t->folder);
        }
        *t = (struct tsm_emulator){0};
}
