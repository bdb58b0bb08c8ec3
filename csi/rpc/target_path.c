#include "csi/rpc/target_path.h"

#include <stdio.h>

#include "lib/base/checksum.h"
#include "lib/base/parse.h"

static struct fault *not_ours(const char *path, const char *kubelet_dir)
{
        return fault(FAULT_INVALID, "TARGET_PATH",
                     "target_path %s is not a kubelet path of an inline volume, expected "
                     "%s/pods/<pod UID>/volumes/kubernetes.io~csi/<volume>/mount",
                     path, kubelet_dir);
}

static bool is_name_byte(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Takes one path part of name bytes, not made of dots alone, off `*at`. */
static bool take_part(const char **at, char *ret_part, size_t max)
{
        size_t len = 0, dots = 0;
        while ((*at)[len] != '\0' && (*at)[len] != '/') {
                if (len == max || !is_name_byte((*at)[len]))
                        return false;
                dots += (*at)[len] == '.';
                len++;
        }
        if (len == 0 || dots == len)
                return false;
        memcpy(ret_part, *at, len);
        ret_part[len] = '\0';
        *at += len;
        return true;
}

static bool take_text(const char **at, const char *text)
{
        size_t len = strlen(text);
        if (strncmp(*at, text, len) != 0)
                return false;
        *at += len;
        return true;
}

/* Slashes at its end, as an operator may write them, do not count. */
static bool take_folder(const char **at, const char *folder)
{
        size_t len = strlen(folder);
        while (len > 0 && folder[len - 1] == '/')
                len--;
        if (strncmp(*at, folder, len) != 0)
                return false;
        *at += len;
        return true;
}

struct fault *target_path_parse(const char *kubelet_dir, const char *path, struct target_path *ret)
{
        struct target_path found;
        const char *at = path;
        bool fits = take_folder(&at, kubelet_dir) && take_text(&at, "/pods/") &&
                    take_part(&at, found.pod_uid, POD_UID_MAX) && take_text(&at, "/volumes/kubernetes.io~csi/") &&
                    take_part(&at, found.volume_name, VOLUME_NAME_MAX) && take_text(&at, "/mount") && *at == '\0';
        if (!fits)
                return not_ours(path, kubelet_dir);

        *ret = found;
        return NULL;
}

void volume_handle(const struct target_path *t, char ret[VOLUME_HANDLE_LEN + 1])
{
        char text[POD_UID_MAX + VOLUME_NAME_MAX + 1];
        int len = snprintf(text, sizeof text, "%s%s", t->pod_uid, t->volume_name);
        uint8_t digest[CHECKSUM_LEN];
        checksum_sha256(span_make(text, (size_t) len), digest);
        memcpy(ret, "csi-", 4); /* NOLINT(bugprone-not-null-terminated-result): hex_string ends it */
        hex_string(SPAN_OF(digest), ret + 4);
}
