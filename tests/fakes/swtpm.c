#include "tests/fakes/swtpm.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/base/file.h"
#include "lib/base/reader.h"

#define ANSWER_MAX     4096
#define TPM_HEADER_LEN 10
#define START_TRIES    2500

static struct fault *run(char *const argv[])
{
        pid_t pid = fork();
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR);
                dup2(null, STDIN_FILENO);
                dup2(null, STDOUT_FILENO);
                dup2(null, STDERR_FILENO);
                execvp(argv[0], argv);
                _exit(127);
        }
        int status = 0;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
                return fault(FAULT_INTERNAL, "SWTPM", "%s failed (status %d)", argv[0], status);
        return NULL;
}

static struct fault *write_file(const char *folder, const char *name, const char *text)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", folder, name);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return fault_errno(FAULT_INTERNAL, "SWTPM", errno, "write %s", path);
        return fd_write_all(fd, span_str(text));
}

static struct fault *write_config(const struct swtpm *t)
{
        AUTO_STRING char *localca = alloc_printf("statedir = %s\nsigningkey = %s/signkey.pem\nissuercert = "
                                                 "%s/issuercert.pem\ncertserial = %s/certserial\n",
                                                 t->ca, t->ca, t->ca, t->ca);
        TRY(write_file(t->folder, "localca.conf", localca));
        TRY(write_file(t->folder, "localca.options",
                       "--platform-manufacturer Vouchsafe\n--platform-version 1\n--platform-model Test\n"));
        AUTO_STRING char *setup = alloc_printf("create_certs_tool = /usr/bin/swtpm_localca\n"
                                               "create_certs_tool_config = %s/localca.conf\n"
                                               "create_certs_tool_options = %s/localca.options\n"
                                               "active_pcr_banks = sha256,sha384\n",
                                               t->folder, t->folder);
        return write_file(t->folder, "setup.conf", setup);
}

static struct fault *manufacture(struct swtpm *t)
{
        char *argv[] = {"swtpm_setup", "--tpm2",      "--tpmstate", t->state, "--config",
                        t->config,     "--overwrite", NULL,         NULL};
        if (t->kind == SWTPM_EK_CERTIFICATE)
                argv[7] = "--create-ek-cert";
        return run(argv);
}

struct fault *swtpm_make(struct swtpm *t, enum swtpm_kind kind)
{
        snprintf(t->folder, sizeof t->folder, "/tmp/vouchsafe-swtpm-XXXXXX");
        if (mkdtemp(t->folder) == NULL)
                return fault_errno(FAULT_INTERNAL, "SWTPM", errno, "make %s", t->folder);
        t->kind = kind;
        if (t->ca[0] == '\0')
                snprintf(t->ca, sizeof t->ca, "%s/ca", t->folder);
        snprintf(t->state, sizeof t->state, "%s/state", t->folder);
        snprintf(t->socket_path, sizeof t->socket_path, "%s/tpm.sock", t->folder);
        snprintf(t->config, sizeof t->config, "%s/setup.conf", t->folder);
        snprintf(t->tcti, sizeof t->tcti, "swtpm:path=%s", t->socket_path);
        if (mkdir(t->state, 0700) < 0 || (mkdir(t->ca, 0700) < 0 && errno != EEXIST))
                return fault_errno(FAULT_INTERNAL, "SWTPM", errno, "make folders in %s", t->folder);
        TRY(write_config(t));
        return manufacture(t);
}

static struct fault *listen_at(const char *path, int *ret_fd)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strncpy(address.sun_path, path, sizeof address.sun_path - 1);
        (void) unlink(path); /* usually there is none */
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof address) < 0 || listen(fd, 8) < 0)
                return fault_errno(FAULT_INTERNAL, "SWTPM", errno, "listen at %s", path);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

/* swtpm takes a listening TCP socket for a connection: it gets a port that was free a moment ago. */
static struct fault *choose_port(struct swtpm *t)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, len) < 0 ||
            getsockname(fd, (struct sockaddr *) &address, &len) < 0)
                return fault_errno(FAULT_INTERNAL, "SWTPM", errno, "find a port");
        t->port = ntohs(address.sin_port);
        snprintf(t->tcti, sizeof t->tcti, "swtpm:host=127.0.0.1,port=%u", t->port);
        return NULL;
}

static struct fault *await_port(const struct swtpm *t)
{
        const struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(t->port)};
        for (int i = 0; i < START_TRIES; i++) {
                AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (fd >= 0 && connect(fd, (const struct sockaddr *) &address, sizeof address) == 0)
                        return NULL;
                (void) poll(NULL, 0, 2); /* the only start that can't be waited for otherwise */
        }
        return fault(FAULT_INTERNAL, "SWTPM", "nobody listens at port %u", t->port);
}

static void become_swtpm(const struct swtpm *t, int data, int control)
{
        AUTO_STRING char *state = alloc_printf("dir=%s", t->state);
        AUTO_STRING char *server =
                t->over_tcp ? alloc_printf("type=tcp,port=%u", t->port) : alloc_printf("type=unixio,fd=%d", data);
        AUTO_STRING char *ctrl = alloc_printf("type=unixio,fd=%d", control);
        AUTO_STRING char *log = alloc_printf("file=%s/log", t->folder);
        const char *flags = t->skips_startup ? "not-need-init" : "not-need-init,startup-clear";
        char *argv[] = {"swtpm",  "socket", "--tpm2", "--tpmstate", state,     "--server",     server,
                        "--ctrl", ctrl,     "--log",  log,          "--flags", (char *) flags, NULL};
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (data >= 0)
                fcntl(data, F_SETFD, 0);
        fcntl(control, F_SETFD, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[0], argv);
        _exit(127);
}

struct fault *swtpm_start(struct swtpm *t)
{
        AUTO_CLOSE int data = -1, control = -1;
        AUTO_STRING char *control_path = alloc_printf("%s.ctrl", t->socket_path); /* where the TCTI looks for it */
        TRY(t->over_tcp ? choose_port(t) : listen_at(t->socket_path, &data));
        TRY(listen_at(control_path, &control));
        pid_t pid = fork();
        if (pid == 0)
                become_swtpm(t, data, control);
        if (pid < 0)
                return fault_errno(FAULT_INTERNAL, "SWTPM", errno, "fork");
        t->pid = pid;
        return t->over_tcp ? await_port(t) : NULL;
}

void swtpm_stop(struct swtpm *t)
{
        if (t->pid == 0)
                return;
        (void) kill(t->pid, SIGKILL); /* it may have ended by itself */
        (void) waitpid(t->pid, NULL, 0);
        t->pid = 0;
        AUTO_STRING char *control_path = alloc_printf("%s.ctrl", t->socket_path);
        (void) unlink(t->socket_path);
        (void) unlink(control_path);
}

struct fault *swtpm_reset(struct swtpm *t)
{
        swtpm_stop(t);
        return swtpm_start(t);
}

struct fault *swtpm_wipe(struct swtpm *t)
{
        swtpm_stop(t);
        return manufacture(t);
}

void swtpm_freeze(const struct swtpm *t)
{
        (void) kill(t->pid, SIGSTOP); /* a test that froze nothing sees it answer */
}

void swtpm_thaw(const struct swtpm *t)
{
        (void) kill(t->pid, SIGCONT);
}

static struct fault *read_exactly(int fd, uint8_t *where, size_t len)
{
        for (size_t at = 0; at < len;) {
                ssize_t n = read(fd, where + at, len - at);
                if (n <= 0)
                        return fault_errno(FAULT_UNAVAILABLE, "SWTPM", n < 0 ? errno : EPIPE, "read answer");
                at += (size_t) n;
        }
        return NULL;
}

struct fault *swtpm_command(const struct swtpm *t, struct span command, struct buf *out)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strncpy(address.sun_path, t->socket_path, sizeof address.sun_path - 1);
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof address) < 0)
                return fault_errno(FAULT_UNAVAILABLE, "SWTPM", errno, "connect to %s", t->socket_path);
        TRY(fd_write_all(fd, command));

        uint8_t answer[ANSWER_MAX];
        TRY(read_exactly(fd, answer, TPM_HEADER_LEN));
        struct reader r = READER(span_make(answer, TPM_HEADER_LEN));
        uint16_t tag;
        uint32_t len, code;
        TRY(reader_u16be(&r, &tag));
        TRY(reader_u32be(&r, &len));
        TRY(reader_u32be(&r, &code));
        if (len < TPM_HEADER_LEN || len > sizeof answer)
                return fault(FAULT_UNAVAILABLE, "SWTPM", "answer of %u bytes", len);
        TRY(read_exactly(fd, answer + TPM_HEADER_LEN, len - TPM_HEADER_LEN));
        if (code != 0)
                return fault(FAULT_UNAVAILABLE, "SWTPM", "command refused: 0x%x", code);
        return out == NULL ? NULL : buf_append(out, span_make(answer, len));
}

struct fault *swtpm_extend(const struct swtpm *t, unsigned pcr, const uint8_t digest[SHA256_LEN])
{
        AUTO(buf) struct buf b = BUF(256);
        TRY(buf_append_u16be(&b, 0x8002)); /* TPM_ST_SESSIONS */
        TRY(buf_append_u32be(&b, 10 + 4 + 4 + 9 + 4 + 2 + SHA256_LEN));
        TRY(buf_append_u32be(&b, 0x182)); /* TPM_CC_PCR_Extend */
        TRY(buf_append_u32be(&b, pcr));
        TRY(buf_append_u32be(&b, 9));
        TRY(buf_append_u32be(&b, 0x40000009)); /* TPM_RS_PW, empty */
        TRY(buf_append(&b, SPAN("\0\0\0\0\0")));
        TRY(buf_append_u32be(&b, 1));
        TRY(buf_append_u16be(&b, 0x000b)); /* TPM_ALG_SHA256 */
        TRY(buf_append(&b, span_make(digest, SHA256_LEN)));
        return swtpm_command(t, buf_span(&b), NULL);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
        (void) status;
        (void) kind;
        (void) at;
        (void) remove(path); /* what stays is in /tmp */
        return 0;
}

void swtpm_clear(struct swtpm *t)
{
        swtpm_stop(t);
        if (t->folder[0] != '\0')
                (void) nftw(t->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS); /* NOLINT: one test, one thread */
        t->folder[0] = '\0';
}
