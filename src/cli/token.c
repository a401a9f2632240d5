/* meterline token: who may write and read over the network. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/tokens_file.h"
#include "core/memory.h"
#include "core/text.h"
#include "net/token.h"

struct token_command {
    struct common_settings common;
    const char *tokens, *name, *certificate, *format;
    struct option_list scopes;
    int64_t expires;
};

#define OPTION(member) .offset = offsetof(struct token_command, member)

static const struct option token_options[] = {
    {"scope", 's', OPTION_LIST, "SCOPE",
     .help = "create: what it may do: ingest, ingest:GATEWAY, ingest:PREFIX*, query or admin; repeatable.",
     OPTION(scopes)},
    {"name", 'n', OPTION_STRING, "NAME",
     .help = "create: whose it is. ThingsBoard's devices have their gateway's name from it.", OPTION(name)},
    {"certificate", 0, OPTION_STRING, "NAME",
     .help = "create: no token, but scopes for who has a client certificate with this common name.",
     OPTION(certificate)},
    {"expires", 0, OPTION_DURATION, "TIME", "0", .minimum = 0, .maximum = 100 * 366 * 86400e3,
     .help = "create: for how long it is good, as 90d; 0: for ever.", OPTION(expires)},
    {"tokens", 0, OPTION_STRING, "FILE", .environment = "METERLINE_TOKENS", .help = "The file; without it DATA/tokens.",
     OPTION(tokens)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "list: without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {0},
};

static const struct command_line token_line = {
    .command = "token",
    .operands = "create|list|revoke [ID]",
    .summary = "Make, list and revoke tokens of clients.",
    .description = "The file holds hashes only, so a token is shown once, on standard output. Servers see a change "
                   "within a second.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline token create --scope 'ingest:gw-*' --expires 90d --name telegraf\n"
                   "  meterline token list\n"
                   "  meterline token revoke 1f0c6b2a",
    .options = token_options,
    .common = cli_common_options,
    .uses = CLI_LOG,
    .operand_minimum = 1,
    .operand_maximum = 2,
};

int tokens_file_name(const struct common_settings *common, const char *named, struct bytes *to, struct error *error) {
    const char *data = strncmp(common->data, "sqlite:", 7) == 0 ? common->data + 7 : common->data;
    if (named)
        bytes_append_string(to, named);
    else
        bytes_append_format(to, "%s/tokens", data);
    bytes_append_char(to, '\0');
    return to->failed ? error_no_memory(error) : 0;
}

static int token_fill(const struct token_command *command, struct token *token, struct error *error) {
    const char *name = command->certificate ? command->certificate : command->name ? command->name : "-";
    cleanup(bytes_release) struct bytes scopes = {0};
    for (size_t i = 0; i < command->scopes.count; i++)
        bytes_append_format(&scopes, "%s%s", i ? "," : "", command->scopes.items[i]);
    bytes_append_char(&scopes, '\0');
    if (scopes.failed)
        return error_no_memory(error);
    int status = token_check_scopes(scopes.data, error);
    if (status)
        return status;
    if (!name[0] || strlen(name) > TOKEN_NAME_MAXIMUM || !text_without_controls(slice_of(name)))
        return error_set(error, ERROR_INVALID, "a name has 1 to %d bytes of plain text", TOKEN_NAME_MAXIMUM);
    memcpy(token->scopes, scopes.data, scopes.length);
    memcpy(token->name, name, strlen(name) + 1);
    token->certificate = command->certificate != NULL;
    token->created = clock_wall(&clock_system);
    token->expires = command->expires ? token->created + command->expires : 0;
    return 0;
}

static int token_main_create(const struct token_command *command, const char *file, struct error *error) {
    char text[TOKEN_TEXT_SIZE];
    struct token token = {0};
    int status = token_fill(command, &token, error);
    if (!status && !command->tokens) /* the data folder may be new; it is private */
        mkdir(strncmp(command->common.data, "sqlite:", 7) == 0 ? command->common.data + 7 : command->common.data, 0700);
    if (!status)
        status = token_create(file, &token, text, error);
    if (status)
        return status;
    if (!token.certificate)
        printf("%s\n", text);
    if (!command->common.quiet)
        fprintf(stderr, "%s %s: %s\n", token.certificate ? "certificate" : "token", token.id, token.scopes);
    return 0;
}

static int token_main_list(const struct token_command *command, const char *file, struct error *error) {
    static const char *const columns[] = {"id", "name", "kind", "scopes", "created", "expires"};
    struct token_store *store = NULL;
    struct table *table = NULL;
    struct token token;
    int status = token_store_open(file, &store, error);
    if (!status)
        status =
            table_begin(table_format_of(command->format), columns, sizeof columns / sizeof *columns, &table, error);
    for (size_t i = 0; !status && token_store_at(store, i, &token); i++) {
        table_text(table, slice_of(token.id));
        table_text(table, slice_of(token.name));
        table_text(table, token.certificate ? SLICE("certificate") : SLICE("token"));
        table_text(table, slice_of(token.scopes));
        table_time(table, token.created);
        if (token.expires)
            table_time(table, token.expires);
        else
            table_text(table, (struct slice){0});
        table_row_end(table);
    }
    if (table)
        status = table_end(table, error);
    token_store_close(store);
    return status;
}

static int token_main(int argc, char **argv) {
    struct token_command command = {0};
    struct error error = {0};
    const char *operands[2] = {NULL, NULL};
    size_t count = 0;
    cleanup(bytes_release) struct bytes file = {0};
    int status = cli_parse(&token_line, argc, argv, &command, operands, &count);
    if (status != CLI_CONTINUE)
        return status;
    bool create = strcmp(operands[0], "create") == 0, list = strcmp(operands[0], "list") == 0;
    if (!create && !list && strcmp(operands[0], "revoke") != 0)
        return cli_usage("token", "'%s': expected create, list or revoke", operands[0]);
    if ((create || list) != (count == 1))
        return cli_usage("token", create || list ? "%s takes no ID" : "%s needs the ID of a token", operands[0]);
    if (create && command.scopes.count == 0)
        return cli_usage("token", "--scope is missing: ingest, ingest:GATEWAY, ingest:PREFIX*, query or admin");
    status = tokens_file_name(&command.common, command.tokens, &file, &error);
    if (!status)
        status = create ? token_main_create(&command, file.data, &error)
                 : list ? token_main_list(&command, file.data, &error)
                        : token_revoke(file.data, operands[1], &error);
    free(command.scopes.items);
    return status ? cli_fail("token", &error) : 0;
}

const struct command command_token = {&token_line, token_main};
