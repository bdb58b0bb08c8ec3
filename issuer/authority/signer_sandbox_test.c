#include "issuer/authority/signer_sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/random.h"
#include "tests/fakes/expect.h"

#define EXIT_DID_IT     40
#define EXIT_NO_SANDBOX 41

static int zero_fd;

/* Raw system calls: the library's own detours (a cache, a vDSO) are not what is tried here. */
static void open_socket(void)
{
        (void) syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static void open_local_socket(void)
{
        (void) syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (int[2]){0});
}
static void open_file(void)
{
        (void) syscall(SYS_openat, AT_FDCWD, "/etc/hostname", O_RDONLY, 0);
}
static void run_program(void)
{
        char *const argv[] = {"true", NULL};
        (void) execv("/bin/true", argv);
}
static void fork_child(void)
{
        (void) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void trace(void)
{
        (void) syscall(SYS_ptrace, 0, 0, 0, 0);
}
static void send_packet(void)
{
        (void) syscall(SYS_sendto, 2, "x", 1, 0, NULL, 0);
}
static void map_code(void)
{
        (void) syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void kill_other(void)
{
        (void) syscall(SYS_kill, 1, 0);
}

static void compute(void)
{
        uint8_t bytes[16];
        random_bytes(bytes, sizeof(bytes));
        struct timespec now;
        (void) syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
        (void) syscall(SYS_read, zero_fd, bytes, sizeof(bytes));
        (void) syscall(SYS_pread64, zero_fd, bytes, sizeof(bytes), 0);
        void *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        (void) mlock(page, 4096);
        (void) munmap(page, 1 << 20);
}

static int run_in_sandbox(void (*what)(void))
{
        pid_t parent = getpid(), child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                if (signer_sandbox_prepare(parent) != NULL || signer_sandbox_enter() != NULL)
                        _exit(EXIT_NO_SANDBOX);
                what();
                _exit(EXIT_DID_IT);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        return status;
}

static void kills_for_what_is_not_allowed(void **state UNUSED)
{
        static const struct {
                const char *name;
                void (*what)(void);
        } rows[] = {
                {"socket", open_socket}, {"socketpair", open_local_socket},
                {"open", open_file},     {"exec", run_program},
                {"fork", fork_child},    {"ptrace", trace},
                {"sendto", send_packet}, {"executable memory", map_code},
                {"kill", kill_other},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int status = run_in_sandbox(rows[i].what);
                if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
                        fail_msg("%s: status %x", rows[i].name, (unsigned) status);
        }
}

static void lets_it_compute(void **state UNUSED)
{
        zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        int status = run_in_sandbox(compute);
        close(zero_fd);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), EXIT_DID_IT);
}

static void will_not_outlive_its_parent(void **state UNUSED)
{
        pid_t child = fork();
        if (child == 0)
                _exit(signer_sandbox_prepare(getpid()) != NULL ? EXIT_DID_IT : 0); /* not our parent's number */
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), EXIT_DID_IT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kills_for_what_is_not_allowed),
                cmocka_unit_test(lets_it_compute),
                cmocka_unit_test(will_not_outlive_its_parent),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
