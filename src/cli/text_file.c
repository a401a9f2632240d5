#include "cli/text_file.h"

#include <errno.h>
#include <stdio.h>

int cli_read_text(const char *path, struct bytes *to, struct error *error) {
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (!file)
        return error_set_errno(error, errno, "%s", path);
    for (size_t got = 1; got && !to->failed;) {
        char *room = bytes_reserve(to, 65536);
        got = room ? fread(room, 1, 65536, file) : 0;
        to->length += got;
    }
    int status = to->failed     ? error_no_memory(error)
                 : ferror(file) ? error_set_errno(error, errno, "reading %s", path)
                                : 0;
    if (!standard)
        fclose(file);
    return status;
}
