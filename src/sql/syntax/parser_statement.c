/* Which statement it is, and all statements but CREATE and SELECT. A statement begins with one keyword; a table says
 * what reads the rest. */
#include "sql/syntax/parser.h"

/* --- data
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_select_statement(struct parser *parser, struct statement *statement) {
    statement->kind = STATEMENT_SELECT;
    return (statement->select = parser_select(parser));
}

static bool parser_create_statement(struct parser *parser, struct statement *statement) {
    return parser_advance(parser) && parser_create(parser, statement);
}

/* name [(columns)] keyword (values) */
static bool parser_values(struct parser *parser, struct insert_statement *insert, enum keyword keyword) {
    if (parser_at(parser, TOKEN_LEFT_PARENTHESIS) && !parser_name_list(parser, &insert->columns, &insert->column_count))
        return false;
    insert->values.place = parser->token.place;
    return parser_expect_keyword(parser, keyword) && parser_expect(parser, TOKEN_LEFT_PARENTHESIS) &&
           parser_expression_list(parser, &insert->values) && parser_expect(parser, TOKEN_RIGHT_PARENTHESIS);
}

static bool parser_insert(struct parser *parser, struct statement *statement) {
    struct insert_statement *insert = &statement->insert;
    if (!parser_advance(parser) || !parser_expect_keyword(parser, KEYWORD_INTO) || !parser_name(parser, &insert->name))
        return false;
    if (parser_at_keyword(parser, KEYWORD_WITH) || parser_at_keyword(parser, KEYWORD_SELECT)) {
        statement->kind = STATEMENT_INSERT_SELECT;
        return parser_properties(parser, &insert->properties) && (insert->query = parser_select(parser));
    }
    statement->kind = STATEMENT_INSERT_VALUES;
    return parser_values(parser, insert, KEYWORD_VALUES);
}

/* --- definitions
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_object(struct parser *parser, bool streams_only, enum object_kind *ret_object) {
    if (parser_at_keyword(parser, KEYWORD_STREAM))
        *ret_object = OBJECT_STREAM;
    else if (parser_at_keyword(parser, KEYWORD_TABLE))
        *ret_object = OBJECT_TABLE;
    else if (!streams_only && parser_at_keyword(parser, KEYWORD_CONNECTOR))
        *ret_object = OBJECT_CONNECTOR;
    else if (!streams_only && parser_at_keyword(parser, KEYWORD_TYPE))
        *ret_object = OBJECT_TYPE;
    else
        return parser_unexpected(parser);
    return parser_advance(parser);
}

static bool parser_drop(struct parser *parser, struct statement *statement) {
    struct drop_statement *drop = &statement->drop;
    statement->kind = STATEMENT_DROP;
    if (!parser_advance(parser) || !parser_object(parser, false, &drop->object) ||
        !parser_take_keywords(parser, KEYWORD_IF, KEYWORD_EXISTS, &drop->if_exists) ||
        !parser_name(parser, &drop->name))
        return false;
    if (drop->object != OBJECT_STREAM && drop->object != OBJECT_TABLE)
        return true;
    if (!parser_take_keyword(parser, KEYWORD_DELETE, &drop->delete_topic))
        return false;
    return !drop->delete_topic || parser_expect_keyword(parser, KEYWORD_TOPIC);
}

static bool parser_add_column(struct parser *parser, struct column_declaration *column) {
    bool word;
    if (!parser_expect_keyword(parser, KEYWORD_ADD) || !parser_take_keyword(parser, KEYWORD_COLUMN, &word) ||
        !parser_name(parser, &column->name))
        return false;
    return (column->type = parser_type(parser));
}

/* After ALTER SYSTEM, SET: 'name' = 'value'. */
static bool parser_setting(struct parser *parser, struct setting_statement *setting) {
    setting->name.place = parser->token.place;
    return parser_string(parser, &setting->name.name) && parser_expect(parser, TOKEN_EQUAL) &&
           parser_string(parser, &setting->value);
}

static bool parser_alter(struct parser *parser, struct statement *statement) {
    struct alter_statement *alter = &statement->alter;
    size_t start = parser->pending_count;
    bool system, more = true;
    if (!parser_advance(parser) || !parser_take_keyword(parser, KEYWORD_SYSTEM, &system))
        return false;
    if (system) {
        statement->kind = STATEMENT_ALTER_SYSTEM;
        return parser_setting(parser, &statement->setting);
    }
    statement->kind = STATEMENT_ALTER;
    if (!parser_object(parser, true, &alter->object) || !parser_name(parser, &alter->name))
        return false;
    while (more) {
        struct column_declaration *column = parser_allocate(parser, 1, sizeof *column);
        if (!column || !parser_add_column(parser, column) || !parser_push(parser, column) ||
            !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return parser_pop_structs(parser, start, sizeof *alter->columns.items, &alter->columns.items,
                              &alter->columns.count);
}

/* --- looking
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_show(struct parser *parser, struct statement *statement) {
    static const enum keyword kinds[] = {
        [SHOW_STREAMS] = KEYWORD_STREAMS,     [SHOW_TABLES] = KEYWORD_TABLES,
        [SHOW_QUERIES] = KEYWORD_QUERIES,     [SHOW_TOPICS] = KEYWORD_TOPICS,
        [SHOW_FUNCTIONS] = KEYWORD_FUNCTIONS, [SHOW_PROPERTIES] = KEYWORD_PROPERTIES,
        [SHOW_VARIABLES] = KEYWORD_VARIABLES, [SHOW_CONNECTORS] = KEYWORD_CONNECTORS,
        [SHOW_TYPES] = KEYWORD_TYPES,
    };
    struct show_statement *show = &statement->show;
    statement->kind = STATEMENT_SHOW;
    if (!parser_advance(parser) || !parser_take_keyword(parser, KEYWORD_ALL, &show->all))
        return false;
    for (size_t i = show->all ? SHOW_TOPICS : 0; i < (show->all ? SHOW_TOPICS + 1 : sizeof kinds / sizeof *kinds); i++)
        if (parser_at_keyword(parser, kinds[i])) {
            show->what = (enum show_kind)i;
            return parser_advance(parser) && parser_take_keyword(parser, KEYWORD_EXTENDED, &show->extended);
        }
    return parser_unexpected(parser);
}

/* DESCRIBE name | STREAMS | TABLES [EXTENDED], DESCRIBE FUNCTION | CONNECTOR name; what has one of these words as
 * its name stands alone or quoted. */
static bool parser_describe(struct parser *parser, struct statement *statement) {
    struct describe_statement *describe = &statement->describe;
    statement->kind = STATEMENT_DESCRIBE;
    describe->object = OBJECT_STREAM;
    if (!parser_advance(parser))
        return false;
    enum keyword keyword = parser->token.keyword;
    bool name_behind = parser_is_name(&parser->next) && parser->next.keyword != KEYWORD_EXTENDED;
    if (keyword == KEYWORD_STREAMS || keyword == KEYWORD_TABLES) {
        describe->all_streams = keyword == KEYWORD_STREAMS;
        describe->all_tables = keyword == KEYWORD_TABLES;
        return parser_advance(parser) && parser_take_keyword(parser, KEYWORD_EXTENDED, &describe->extended);
    }
    if (name_behind && (keyword == KEYWORD_FUNCTION || keyword == KEYWORD_CONNECTOR)) {
        describe->object = keyword == KEYWORD_FUNCTION ? OBJECT_FUNCTION : OBJECT_CONNECTOR;
        return parser_advance(parser) && parser_name(parser, &describe->name);
    }
    if (name_behind && keyword == KEYWORD_EXTENDED) {
        describe->extended = true;
        return parser_advance(parser) && parser_name(parser, &describe->name);
    }
    return parser_name(parser, &describe->name) && parser_take_keyword(parser, KEYWORD_EXTENDED, &describe->extended);
}

static bool parser_explain(struct parser *parser, struct statement *statement) {
    struct explain_statement *explain = &statement->explain;
    statement->kind = STATEMENT_EXPLAIN;
    if (!parser_advance(parser))
        return false;
    if (parser_at_keyword(parser, KEYWORD_SELECT) || parser_at_keyword(parser, KEYWORD_CREATE) ||
        parser_at_keyword(parser, KEYWORD_INSERT))
        return (explain->statement = parser_any_statement(parser));
    return parser_name(parser, &explain->query);
}

/* PRINT topic [FROM BEGINNING] [INTERVAL n] [LIMIT n] */
static bool parser_print(struct parser *parser, struct statement *statement) {
    struct print_statement *print = &statement->print;
    bool interval, sample = false, limit;
    statement->kind = STATEMENT_PRINT;
    print->interval = print->limit = -1;
    if (!parser_advance(parser) || !parser_exact_name(parser, &print->topic) ||
        !parser_take_keyword(parser, KEYWORD_FROM, &print->from_beginning) ||
        (print->from_beginning && !parser_expect_keyword(parser, KEYWORD_BEGINNING)) ||
        !parser_take_keyword(parser, KEYWORD_INTERVAL, &interval) ||
        (!interval && !parser_take_keyword(parser, KEYWORD_SAMPLE, &sample)) ||
        ((interval || sample) && !parser_whole_number(parser, &print->interval)) ||
        !parser_take_keyword(parser, KEYWORD_LIMIT, &limit))
        return false;
    return !limit || parser_whole_number(parser, &print->limit);
}

/* --- steering
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_target(struct parser *parser, struct statement *statement) {
    struct target_statement *target = &statement->target;
    enum keyword keyword = parser->token.keyword;
    statement->kind = keyword == KEYWORD_TERMINATE ? STATEMENT_TERMINATE
                      : keyword == KEYWORD_PAUSE   ? STATEMENT_PAUSE
                                                   : STATEMENT_RESUME;
    if (!parser_advance(parser) || !parser_take_keyword(parser, KEYWORD_ALL, &target->all) || target->all)
        return parser->status == 0;
    if (parser->token.keyword == KEYWORD_QUERY && parser_is_name(&parser->next) && !parser_advance(parser))
        return false;
    return parser_name(parser, &target->query);
}

static bool parser_set(struct parser *parser, struct statement *statement) {
    statement->kind = STATEMENT_SET;
    return parser_advance(parser) && parser_setting(parser, &statement->setting);
}

static bool parser_unset(struct parser *parser, struct statement *statement) {
    statement->kind = STATEMENT_UNSET;
    statement->setting.name.place = parser->next.place;
    return parser_advance(parser) && parser_string(parser, &statement->setting.name.name);
}

/* Variables have bare names only: they must fit into ${..}. */
static bool parser_variable(struct parser *parser, struct identifier *ret_name) {
    *ret_name = (struct identifier){parser->token.text, parser->token.place};
    return parser_expect(parser, TOKEN_WORD);
}

static bool parser_define(struct parser *parser, struct statement *statement) {
    struct setting_statement *setting = &statement->setting;
    statement->kind = STATEMENT_DEFINE;
    return parser_advance(parser) && parser_variable(parser, &setting->name) && parser_expect(parser, TOKEN_EQUAL) &&
           parser_string(parser, &setting->value);
}

static bool parser_undefine(struct parser *parser, struct statement *statement) {
    statement->kind = STATEMENT_UNDEFINE;
    return parser_advance(parser) && parser_variable(parser, &statement->setting.name);
}

static bool parser_run(struct parser *parser, struct statement *statement) {
    statement->kind = STATEMENT_RUN_SCRIPT;
    return parser_advance(parser) && parser_expect_keyword(parser, KEYWORD_SCRIPT) &&
           parser_string(parser, &statement->file);
}

/* --- assertions
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_timeout(struct parser *parser, struct duration *ret_timeout) {
    bool found;
    if (!parser_take_keyword(parser, KEYWORD_TIMEOUT, &found))
        return false;
    return !found || parser_duration(parser, ret_timeout);
}

/* SCHEMA [SUBJECT name] [ID n] [TIMEOUT d] */
static bool parser_assert_schema(struct parser *parser, struct assert_statement *assertion) {
    bool subject, id;
    assertion->kind = ASSERT_SCHEMA;
    if (!parser_advance(parser) || !parser_take_keyword(parser, KEYWORD_SUBJECT, &subject) ||
        (subject && !parser_exact_name(parser, &assertion->subject)) || !parser_take_keyword(parser, KEYWORD_ID, &id) ||
        (id && !parser_whole_number(parser, &assertion->schema_id)))
        return false;
    return subject || id ? parser_timeout(parser, &assertion->timeout) : parser_unexpected(parser);
}

/* TOPIC name [WITH (..)] [TIMEOUT d] */
static bool parser_assert_topic(struct parser *parser, struct assert_statement *assertion) {
    assertion->kind = ASSERT_TOPIC;
    return parser_advance(parser) && parser_exact_name(parser, &assertion->topic) &&
           parser_properties(parser, &assertion->properties) && parser_timeout(parser, &assertion->timeout);
}

/* VALUES name (columns) VALUES (..), NULL VALUES name (columns) KEY (..) */
static bool parser_assert_values(struct parser *parser, struct assert_statement *assertion) {
    bool null;
    if (!parser_take_keyword(parser, KEYWORD_NULL, &null) || !parser_expect_keyword(parser, KEYWORD_VALUES) ||
        !parser_name(parser, &assertion->insert.name))
        return false;
    assertion->kind = null ? ASSERT_NULL_VALUES : ASSERT_VALUES;
    return parser_values(parser, &assertion->insert, null ? KEYWORD_KEY : KEYWORD_VALUES);
}

static bool parser_assert(struct parser *parser, struct statement *statement) {
    struct assert_statement *assertion = statement->assert = parser_allocate(parser, 1, sizeof *assertion);
    statement->kind = STATEMENT_ASSERT;
    if (!assertion || !parser_advance(parser))
        return false;
    assertion->schema_id = assertion->timeout.milliseconds = -1;
    if (!parser_take_keywords(parser, KEYWORD_NOT, KEYWORD_EXISTS, &assertion->not_exists))
        return false;
    if (parser_at_keyword(parser, KEYWORD_TOPIC))
        return parser_assert_topic(parser, assertion);
    if (parser_at_keyword(parser, KEYWORD_SCHEMA))
        return parser_assert_schema(parser, assertion);
    if (assertion->not_exists)
        return parser_unexpected(parser);
    if (parser_at_keyword(parser, KEYWORD_NULL) || parser_at_keyword(parser, KEYWORD_VALUES))
        return parser_assert_values(parser, assertion);
    if (!parser_object(parser, true, &assertion->create.object))
        return false;
    assertion->kind = assertion->create.object == OBJECT_STREAM ? ASSERT_STREAM : ASSERT_TABLE;
    return parser_source(parser, &assertion->create);
}

/* --- all of them
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    enum keyword keyword;
    bool (*parse)(struct parser *parser, struct statement *statement);
} parser_statements[] = {
    {KEYWORD_SELECT, parser_select_statement},
    {KEYWORD_CREATE, parser_create_statement},
    {KEYWORD_INSERT, parser_insert},
    {KEYWORD_DROP, parser_drop},
    {KEYWORD_ALTER, parser_alter},
    {KEYWORD_SHOW, parser_show},
    {KEYWORD_LIST, parser_show},
    {KEYWORD_DESCRIBE, parser_describe},
    {KEYWORD_EXPLAIN, parser_explain},
    {KEYWORD_PRINT, parser_print},
    {KEYWORD_TERMINATE, parser_target},
    {KEYWORD_PAUSE, parser_target},
    {KEYWORD_RESUME, parser_target},
    {KEYWORD_SET, parser_set},
    {KEYWORD_UNSET, parser_unset},
    {KEYWORD_DEFINE, parser_define},
    {KEYWORD_UNDEFINE, parser_undefine},
    {KEYWORD_RUN, parser_run},
    {KEYWORD_ASSERT, parser_assert},
};

struct statement *parser_any_statement(struct parser *parser) {
    struct statement *statement = parser_allocate(parser, 1, sizeof *statement);
    if (!statement)
        return NULL;
    statement->place = parser->token.place;
    for (size_t i = 0; i < sizeof parser_statements / sizeof *parser_statements; i++)
        if (parser_at_keyword(parser, parser_statements[i].keyword))
            return parser_statements[i].parse(parser, statement) ? statement : NULL;
    if (parser_at_keyword(parser, KEYWORD_WITH))
        parser_fail(parser, parser->token.place,
                    "WITH before SELECT is not part of the dialect: CREATE STREAM .. AS SELECT and CREATE TABLE .. AS "
                    "SELECT name a query");
    else
        parser_unexpected(parser);
    return NULL;
}
