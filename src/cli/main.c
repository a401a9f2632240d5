/* meterline: dispatches to the subcommands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "core/memory.h"
#include "sql/function/function_reference.h"

const struct command *const cli_commands[] = {&command_import, &command_replay, &command_run,    &command_query,
                                              &command_tail,   &command_track,  &command_topics, &command_lake,
                                              &command_check,  &command_test,   &command_sql,    &command_ingest,
                                              &command_serve,  &command_token,  &command_batch,  NULL};

enum { COMMANDS = sizeof cli_commands / sizeof *cli_commands - 1 };

static const struct command *main_find(const char *name) {
    for (const struct command *const *command = cli_commands; *command; command++)
        if (strcmp((*command)->line->command, name) == 0)
            return *command;
    return NULL;
}

static int main_help(void) {
    printf("meterline " METERLINE_VERSION
           ": smart-meter readings to exact aggregates\n\nUsage: meterline COMMAND [options]\n\nCommands:\n");
    for (const struct command *const *command = cli_commands; *command; command++)
        printf("  %-9s %s\n", (*command)->line->command, (*command)->line->summary);
    printf("\n'meterline COMMAND --help' explains one; 'meterline help --markdown' and 'meterline help --functions' "
           "print the reference pages.\n");
    return fflush(stdout) == 0 ? 0 : 1;
}

static int main_reference(void) {
    printf("# Reference\n\nMade by `meterline help --markdown` from the tables that the program parses with. Exit "
           "status: 0 done, 1 failed, 2 wrong usage.\n\n");
    for (const struct command *const *command = cli_commands; *command; command++)
        options_print_markdown((*command)->line, stdout);
    const struct command_line common = {.command = "COMMAND",
                                        .operands = "",
                                        .summary = "What all commands understand.",
                                        .description = "meterline COMMAND --data DIR",
                                        .options = cli_common_options};
    options_print_markdown(&common, stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int main_functions(void) {
    cleanup(bytes_release) struct bytes text = {0};
    functions_markdown(&text);
    return !text.failed && fwrite(text.data, 1, text.length, stdout) == text.length && fflush(stdout) == 0 ? 0 : 1;
}

static int main_unknown(const char *name) {
    const char *names[COMMANDS + 1];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = cli_commands[i]->line->command;
    if (name[0] == '-') {
        fprintf(
            stderr,
            "meterline: '%.100s' comes before a command: options come after it, as in 'meterline topics --data DIR'\n"
            "'meterline --help' lists the commands.\n",
            name);
        return 2;
    }
    const char *nearest = options_nearest(name, names, COMMANDS);
    fprintf(stderr, "meterline: unknown command '%.100s'%s%s%s\n'meterline --help' lists them.\n", name,
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    return 2;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--version") == 0)
        return printf("meterline " METERLINE_VERSION "\n") < 0;
    if (strcmp(name, "help") == 0 && argc > 2 && strcmp(argv[2], "--markdown") == 0)
        return main_reference();
    if (strcmp(name, "help") == 0 && argc > 2 && strcmp(argv[2], "--functions") == 0)
        return main_functions();
    if (strcmp(name, "help") == 0 && argc > 2) {
        const struct command *command = main_find(argv[2]);
        if (!command)
            return main_unknown(argv[2]);
        options_print_help(command->line, stdout, cli_help_width());
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        int status = main_help();
        return argc > 1 ? status : 2;
    }
    const struct command *command = main_find(name);
    if (!command)
        return main_unknown(name);
    int status = command->run(argc - 1, argv + 1);
    cli_disconnect();
    return status;
}
