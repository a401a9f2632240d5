/* The prompt of `meterline sql`: lines by editline, with history and completion, until a statement is whole. */
#include "cli/sql/sql_prompt.h"

#include <ctype.h>
#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/table.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "sql/syntax/script.h"

enum { PROMPT_WORD = 200 };

struct sql_prompt {
    struct bytes statement; /* lines until it is complete */
    struct sql_session *session;
};

static char *sql_prompt_text(EditLine *editor) {
    static char first[] = "meterline> ", more[] = "    ...> "; /* the library takes no const */
    struct sql_prompt *prompt;
    el_get(editor, EL_CLIENTDATA, &prompt);
    return prompt->statement.length ? more : first;
}

static bool sql_is_word(const char *line, const char *word) {
    size_t length = strlen(word);
    return strncasecmp(line, word, length) == 0 && line[length + strspn(line + length, " ;\t\r\n")] == '\0';
}

static void sql_prompt_help(void) {
    fputs("SHOW STREAMS; SHOW TABLES; SHOW QUERIES; SHOW TOPICS;   what there is\n"
          "DESCRIBE name EXTENDED;                                columns, counters\n"
          "PRINT 'topic' FROM BEGINNING LIMIT 5;                  records of a topic\n"
          "SELECT * FROM name LIMIT 5;                            what is there now\n"
          "SELECT * FROM name EMIT CHANGES;                       rows as they come, until Ctrl-C\n"
          "CREATE STREAM|TABLE name AS SELECT ..;                 kept in the log; 'meterline run' runs it\n"
          "\\x          tables with a line for each cell, on and off\n"
          "exit, quit  leave; Ctrl-C clears the line; Tab completes words and names\n"
          "docs/sql.md is the reference\n",
          stdout);
}

/* Words of the prompt itself, on a line of their own. */
static bool sql_prompt_word(const char *line) {
    if (sql_is_word(line, "help") || sql_is_word(line, "\\h") || sql_is_word(line, "?")) {
        sql_prompt_help();
        return true;
    }
    if (!sql_is_word(line, "\\x"))
        return false;
    table_expand(!table_expanded());
    printf("tables have %s\n", table_expanded() ? "a line for each cell" : "a line for each row");
    return true;
}

/* One line: false to leave. */
static bool sql_prompt_line(struct sql_session *session, struct sql_prompt *prompt, History *past, const char *line) {
    HistEvent event;
    struct error error = {0};
    if (prompt->statement.length == 0 && (sql_is_word(line, "exit") || sql_is_word(line, "quit")))
        return false;
    if (prompt->statement.length == 0 && sql_prompt_word(line))
        return true;
    bytes_append_string(&prompt->statement, line);
    if (prompt->statement.failed)
        return false;
    struct slice text = bytes_slice(&prompt->statement);
    size_t blank = 0;
    while (blank < text.length && char_among(text.data[blank], " \t\r\n"))
        blank++;
    if (blank == text.length)
        prompt->statement.length = 0;
    if (blank == text.length || !script_complete(text))
        return true;
    bytes_append_char(&prompt->statement, '\0');
    history(past, &event, H_ENTER, prompt->statement.data);
    text.data = prompt->statement.data;
    cli_go_on();
    if (sql_session_execute(session, text, false, &error))
        cli_fail("sql", &error);
    cli_go_on();
    prompt->statement.length = 0;
    return true;
}

/* The words that begin with what was typed: how many, and what they have in common. */
struct prompt_match {
    size_t count;
    struct slice common;
};

static void sql_prompt_match(struct prompt_match *match, struct slice word) {
    size_t same = 0;
    if (!match->count++) {
        match->common = word;
        return;
    }
    while (same < match->common.length && same < word.length &&
           tolower((unsigned char)match->common.data[same]) == tolower((unsigned char)word.data[same]))
        same++;
    match->common.length = same;
}

/* Completes the word before the cursor: words of statements, names of streams and tables. */
static unsigned char sql_prompt_complete(EditLine *editor, int key) {
    static const char *const words[] = {
        "BEGINNING", "CHANGES", "CONNECTOR", "CREATE",   "DESCRIBE", "DROP",        "EMIT",  "EXPLAIN",
        "EXTENDED",  "FINAL",   "FROM",      "GROUP BY", "HAVING",   "INSERT INTO", "LIMIT", "PARTITION BY",
        "PRINT",     "QUERIES", "SELECT",    "SHOW",     "STREAM",   "STREAMS",     "TABLE", "TABLES",
        "TERMINATE", "TOPICS",  "TUMBLING",  "VALUES",   "WHERE",    "WINDOW",      "WITH"};
    const LineInfo *line = el_line(editor);
    const char *from = line->cursor;
    struct prompt_match match = {0};
    struct sql_prompt *prompt;
    (void)key;
    el_get(editor, EL_CLIENTDATA, &prompt);
    while (from > line->buffer && (isalnum((unsigned char)from[-1]) || from[-1] == '_'))
        from--;
    size_t length = (size_t)(line->cursor - from);
    const struct catalog *catalog = session_catalog(prompt->session->session);
    for (size_t i = 0; length && i < sizeof words / sizeof *words; i++)
        if (strncasecmp(words[i], from, length) == 0)
            sql_prompt_match(&match, slice_of(words[i]));
    for (size_t i = 0; length && i < catalog_source_count(catalog); i++) {
        struct slice source = catalog_source_at(catalog, i)->name;
        if (source.length >= length && strncasecmp(source.data, from, length) == 0)
            sql_prompt_match(&match, source);
    }
    char text[PROMPT_WORD + 1];
    if (!match.count || match.common.length < length || match.common.length >= PROMPT_WORD)
        return CC_ERROR;
    snprintf(text, sizeof text, "%.*s%s", (int)match.common.length, match.common.data, match.count == 1 ? " " : "");
    el_deletestr(editor, (int)length);
    return el_insertstr(editor, text) == 0 ? CC_REFRESH : CC_ERROR;
}

/* Lines until the end; Ctrl-C clears what was typed. */
static void sql_prompt_lines(struct sql_session *session, struct sql_prompt *prompt, EditLine *editor, History *past) {
    for (;;) {
        int count;
        errno = 0;
        const char *line = el_gets(editor, &count);
        if (!line && (errno == EINTR || atomic_load(&cli_asked))) {
            prompt->statement.length = 0;
            cli_go_on();
            el_reset(editor);
            putchar('\n');
            continue;
        }
        if (!line || count <= 0 || !sql_prompt_line(session, prompt, past, line))
            return;
    }
}

/* Where the history is kept: the home folder, when there is one. */
static void sql_history_path(char *to, size_t size) {
    const char *home = getenv("HOME");
    *to = '\0';
    if (home && home[0] == '/' && home[1] && access(home, W_OK) == 0)
        snprintf(to, size, "%s/.meterline_history", home);
}

int sql_prompt(struct sql_session *session, bool quiet) {
    struct sql_prompt prompt = {.session = session};
    HistEvent event;
    char path[4096];
    EditLine *editor = el_init("meterline", stdin, stdout, stderr);
    History *history_list = history_init();
    if (!editor || !history_list)
        return 1;
    sql_history_path(path, sizeof path);
    history(history_list, &event, H_SETSIZE, 1000);
    if (*path)
        history(history_list, &event, H_LOAD, path);
    el_set(editor, EL_CLIENTDATA, &prompt);
    el_set(editor, EL_PROMPT, sql_prompt_text);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_HIST, history, history_list);
    el_set(editor, EL_ADDFN, "complete", "completes a word", sql_prompt_complete);
    el_set(editor, EL_BIND, "^I", "complete", NULL);
    if (!quiet)
        printf("meterline " METERLINE_VERSION ": statements end with ';', 'help' says what there is, 'exit' leaves\n");
    sql_prompt_lines(session, &prompt, editor, history_list);
    if (*path)
        history(history_list, &event, H_SAVE, path);
    history_end(history_list);
    el_end(editor);
    bytes_release(&prompt.statement);
    putchar('\n');
    return 0;
}
