/* Queries and statements. */
#include "sql/syntax/print.h"

#include <ctype.h>
#include <inttypes.h>

/* --- parts
 * ------------------------------------------------------------------------------------------------------------------ */

/* In the largest unit that divides it. */
static void print_duration(struct bytes *to, const char *before, const struct duration *duration) {
    static const struct {
        int64_t milliseconds;
        const char *name;
    } units[] = {{86400000, "DAYS"}, {3600000, "HOURS"}, {60000, "MINUTES"}, {1000, "SECONDS"}, {1, "MILLISECONDS"}};
    size_t i = 0;
    if (duration->milliseconds < 0)
        return;
    while (duration->milliseconds % units[i].milliseconds ||
           (duration->milliseconds == 0 && units[i].milliseconds != 1000))
        i++;
    bytes_append_format(to, "%s%" PRId64 " %s", before, duration->milliseconds / units[i].milliseconds, units[i].name);
}

static void print_word(struct bytes *to, bool there, const char *word) {
    bytes_append_string(to, there ? word : "");
}

static void print_properties(struct bytes *to, const struct property_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        bytes_append_string(to, i == 0 ? " WITH (" : ", ");
        print_name(to, list->items[i].name.name);
        bytes_append_char(to, '=');
        print_expression(to, list->items[i].value);
    }
    print_word(to, list->count, ")");
}

static void print_columns(struct bytes *to, const struct column_list *list) {
    static const char *const roles[] = {
        [COLUMN_VALUE] = "",           [COLUMN_KEY] = " KEY",        [COLUMN_PRIMARY_KEY] = " PRIMARY KEY",
        [COLUMN_HEADERS] = " HEADERS", [COLUMN_HEADER] = " HEADER(",
    };
    for (size_t i = 0; i < list->count; i++) {
        const struct column_declaration *column = &list->items[i];
        bytes_append_string(to, i == 0 ? " (" : ", ");
        print_name(to, column->name.name);
        bytes_append_char(to, ' ');
        print_type_name(to, column->type);
        bytes_append_string(to, roles[column->role]);
        if (column->role == COLUMN_HEADER) {
            print_string(to, column->header);
            bytes_append_char(to, ')');
        }
    }
    print_word(to, list->count, ")");
}

static void print_keys(struct bytes *to, const char *before, const struct expression_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        bytes_append_string(to, i == 0 ? before : ", ");
        print_expression(to, list->items[i]);
    }
}

/* --- queries
 * ------------------------------------------------------------------------------------------------------------------ */

static void print_alias(struct bytes *to, const struct identifier *alias) {
    if (!alias->name.data)
        return;
    bytes_append_string(to, " AS ");
    print_name(to, alias->name);
}

static void print_source(struct bytes *to, const struct source_reference *source) {
    print_name(to, source->name.name);
    print_alias(to, &source->alias);
}

static void print_item(struct bytes *to, const struct select_item *item) {
    if (item->kind == SELECT_ALL_OF) {
        print_name(to, item->source.name);
        bytes_append_char(to, '.');
    }
    if (item->kind == SELECT_EXPRESSION)
        print_expression(to, item->expression);
    else
        bytes_append_char(to, '*');
    print_alias(to, &item->alias);
}

static void print_join(struct bytes *to, const struct join *join) {
    static const char *const kinds[] = {[JOIN_INNER] = " JOIN ",
                                        [JOIN_LEFT] = " LEFT JOIN ",
                                        [JOIN_RIGHT] = " RIGHT JOIN ",
                                        [JOIN_FULL] = " FULL JOIN "};
    bool pair = join->before.milliseconds != join->after.milliseconds;
    bytes_append_string(to, kinds[join->kind]);
    print_source(to, &join->source);
    print_duration(to, pair ? " WITHIN (" : " WITHIN ", &join->before);
    if (pair) {
        print_duration(to, ", ", &join->after);
        bytes_append_char(to, ')');
    }
    print_duration(to, " GRACE PERIOD ", &join->grace);
    bytes_append_string(to, " ON ");
    print_expression(to, join->on);
}

static void print_window_size(struct bytes *to, const char *before, const struct window_clause *window,
                              const struct duration *duration, const struct calendar_size *size) {
    if (!window->calendar.zone.data || duration->milliseconds < 0 || size->unit == CALENDAR_PART_OF_DAY) {
        print_duration(to, before, duration);
        return;
    }
    bytes_append_format(to, "%s%" PRId64 " ", before, size->count);
    for (struct slice unit = calendar_unit_name(size->unit); unit.length; unit.data++, unit.length--)
        bytes_append_char(to, (char)toupper((unsigned char)*unit.data));
    bytes_append_char(to, 'S');
}

static void print_starting(struct bytes *to, const struct calendar_clause *calendar) {
    if (!calendar->starting.data)
        return;
    bytes_append_string(to, ", STARTING ");
    if (calendar->size.unit == CALENDAR_MONTH)
        bytes_append_string(to, "DAY ");
    if (calendar->size.unit == CALENDAR_MONTH || calendar_weekday(calendar->starting))
        bytes_append_slice(to, calendar->starting);
    else
        print_string(to, calendar->starting);
}

static void print_window(struct bytes *to, const struct window_clause *window) {
    static const char *const kinds[] = {[WINDOW_TUMBLING] = " WINDOW TUMBLING (SIZE ",
                                        [WINDOW_HOPPING] = " WINDOW HOPPING (SIZE ",
                                        [WINDOW_SESSION] = " WINDOW SESSION ("};
    if (window->kind == WINDOW_NONE)
        return;
    print_window_size(to, kinds[window->kind], window, &window->size, &window->calendar.size);
    print_window_size(to, ", ADVANCE BY ", window, &window->advance, &window->calendar.advance);
    if (window->calendar.zone.data) {
        bytes_append_string(to, ", TIMEZONE ");
        print_string(to, window->calendar.zone);
        print_starting(to, &window->calendar);
        print_duration(to, ", OFFSET ", &window->calendar.offset);
    }
    print_duration(to, ", RETENTION ", &window->retention);
    print_duration(to, ", GRACE PERIOD ", &window->grace);
    bytes_append_char(to, ')');
}

static void print_condition(struct bytes *to, const char *before, const struct expression *condition) {
    if (!condition)
        return;
    bytes_append_string(to, before);
    print_expression(to, condition);
}

void print_select(struct bytes *to, const struct select_query *query) {
    for (size_t i = 0; i < query->item_count; i++) {
        bytes_append_string(to, i == 0 ? "SELECT " : ", ");
        print_item(to, &query->items[i]);
    }
    bytes_append_string(to, " FROM ");
    print_source(to, &query->from);
    for (size_t i = 0; i < query->join_count; i++)
        print_join(to, &query->joins[i]);
    print_window(to, &query->window);
    print_condition(to, " WHERE ", query->where);
    print_keys(to, " GROUP BY ", &query->group_by);
    print_keys(to, " PARTITION BY ", &query->partition_by);
    print_condition(to, " HAVING ", query->having);
    bytes_append_string(to, query->emit == EMIT_CHANGES ? " EMIT CHANGES"
                            : query->emit == EMIT_FINAL ? " EMIT FINAL"
                                                        : "");
    if (query->limit >= 0)
        bytes_append_format(to, " LIMIT %" PRId64, query->limit);
}

/* --- statements
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *const print_objects[] = {
    [OBJECT_STREAM] = "STREAM ", [OBJECT_TABLE] = "TABLE ",       [OBJECT_CONNECTOR] = "CONNECTOR ",
    [OBJECT_TYPE] = "TYPE ",     [OBJECT_FUNCTION] = "FUNCTION ",
};

static void print_create(struct bytes *to, const struct create_statement *create) {
    bytes_append_string(to, create->or_replace ? "CREATE OR REPLACE " : "CREATE ");
    print_word(to, create->read_only, "SOURCE ");
    bytes_append_string(to, print_objects[create->object]);
    print_word(to, create->if_not_exists, "IF NOT EXISTS ");
    print_name(to, create->name.name);
    print_columns(to, &create->columns);
    print_properties(to, &create->properties);
    if (create->query) {
        bytes_append_string(to, " AS ");
        print_select(to, create->query);
    }
}

/* name (columns) VALUES (..) */
static void print_values(struct bytes *to, const struct insert_statement *insert, const char *keyword) {
    print_name(to, insert->name.name);
    for (size_t i = 0; i < insert->column_count; i++) {
        bytes_append_string(to, i == 0 ? " (" : ", ");
        print_name(to, insert->columns[i].name);
    }
    bytes_append_string(to, insert->column_count ? ") " : " ");
    print_keys(to, keyword, &insert->values);
    bytes_append_char(to, ')');
}

static void print_insert_select(struct bytes *to, const struct insert_statement *insert) {
    bytes_append_string(to, "INSERT INTO ");
    print_name(to, insert->name.name);
    print_properties(to, &insert->properties);
    bytes_append_char(to, ' ');
    print_select(to, insert->query);
}

static void print_drop(struct bytes *to, const struct drop_statement *drop) {
    bytes_append_format(to, "DROP %s", print_objects[drop->object]);
    print_word(to, drop->if_exists, "IF EXISTS ");
    print_name(to, drop->name.name);
    print_word(to, drop->delete_topic, " DELETE TOPIC");
}

static void print_alter(struct bytes *to, const struct alter_statement *alter) {
    bytes_append_format(to, "ALTER %s", print_objects[alter->object]);
    print_name(to, alter->name.name);
    for (size_t i = 0; i < alter->columns.count; i++) {
        bytes_append_string(to, i == 0 ? " ADD COLUMN " : ", ADD COLUMN ");
        print_name(to, alter->columns.items[i].name.name);
        bytes_append_char(to, ' ');
        print_type_name(to, alter->columns.items[i].type);
    }
}

static void print_connector(struct bytes *to, const struct connector_statement *connector) {
    bytes_append_string(to, connector->sink ? "CREATE SINK CONNECTOR " : "CREATE SOURCE CONNECTOR ");
    print_word(to, connector->if_not_exists, "IF NOT EXISTS ");
    print_name(to, connector->name.name);
    print_properties(to, &connector->properties);
}

static void print_type(struct bytes *to, const struct type_statement *type) {
    bytes_append_string(to, "CREATE TYPE ");
    print_word(to, type->if_not_exists, "IF NOT EXISTS ");
    print_name(to, type->name.name);
    bytes_append_string(to, " AS ");
    print_type_name(to, type->type);
}

static void print_show(struct bytes *to, const struct show_statement *show) {
    static const char *const kinds[] = {
        [SHOW_STREAMS] = "STREAMS",     [SHOW_TABLES] = "TABLES",         [SHOW_QUERIES] = "QUERIES",
        [SHOW_TOPICS] = "TOPICS",       [SHOW_FUNCTIONS] = "FUNCTIONS",   [SHOW_PROPERTIES] = "PROPERTIES",
        [SHOW_VARIABLES] = "VARIABLES", [SHOW_CONNECTORS] = "CONNECTORS", [SHOW_TYPES] = "TYPES",
    };
    bytes_append_format(to, "SHOW %s%s%s", show->all ? "ALL " : "", kinds[show->what],
                        show->extended ? " EXTENDED" : "");
}

static void print_describe(struct bytes *to, const struct describe_statement *describe) {
    bytes_append_string(to, "DESCRIBE ");
    if (describe->all_streams || describe->all_tables)
        bytes_append_string(to, describe->all_streams ? "STREAMS" : "TABLES");
    else
        bytes_append_string(to, describe->object == OBJECT_STREAM ? "" : print_objects[describe->object]);
    if (describe->name.name.data)
        print_name(to, describe->name.name);
    print_word(to, describe->extended, " EXTENDED");
}

static void print_target(struct bytes *to, const char *verb, const struct target_statement *target) {
    bytes_append_string(to, verb);
    if (target->all)
        bytes_append_string(to, "ALL");
    else
        print_name(to, target->query.name);
}

static void print_setting(struct bytes *to, const char *verb, struct slice name, const struct slice *value) {
    bytes_append_string(to, verb);
    print_string(to, name);
    if (value) {
        bytes_append_char(to, '=');
        print_string(to, *value);
    }
}

static void print_variable(struct bytes *to, const struct statement *statement) {
    bytes_append_string(to, statement->kind == STATEMENT_DEFINE ? "DEFINE " : "UNDEFINE ");
    bytes_append_slice(to, statement->setting.name.name);
    if (statement->kind == STATEMENT_DEFINE) {
        bytes_append_string(to, " = ");
        print_string(to, statement->setting.value);
    }
}

static void print_print(struct bytes *to, const struct print_statement *print) {
    bytes_append_string(to, "PRINT ");
    print_string(to, print->topic.name);
    print_word(to, print->from_beginning, " FROM BEGINNING");
    if (print->interval >= 0)
        bytes_append_format(to, " INTERVAL %" PRId64, print->interval);
    if (print->limit >= 0)
        bytes_append_format(to, " LIMIT %" PRId64, print->limit);
}

static void print_assert_schema(struct bytes *to, const struct assert_statement *assertion) {
    bytes_append_string(to, "SCHEMA");
    if (assertion->subject.name.data) {
        bytes_append_string(to, " SUBJECT ");
        print_string(to, assertion->subject.name);
    }
    if (assertion->schema_id >= 0)
        bytes_append_format(to, " ID %" PRId64, assertion->schema_id);
}

static void print_assert_source(struct bytes *to, const struct assert_statement *assertion) {
    bytes_append_string(to, print_objects[assertion->create.object]);
    print_name(to, assertion->create.name.name);
    print_columns(to, &assertion->create.columns);
    print_properties(to, &assertion->create.properties);
}

static void print_assert(struct bytes *to, const struct assert_statement *assertion) {
    bytes_append_string(to, assertion->not_exists ? "ASSERT NOT EXISTS " : "ASSERT ");
    switch (assertion->kind) {
    case ASSERT_TOPIC:
        bytes_append_string(to, "TOPIC ");
        print_string(to, assertion->topic.name);
        print_properties(to, &assertion->properties);
        break;
    case ASSERT_SCHEMA:
        print_assert_schema(to, assertion);
        break;
    case ASSERT_VALUES:
        bytes_append_string(to, "VALUES ");
        print_values(to, &assertion->insert, "VALUES (");
        break;
    case ASSERT_NULL_VALUES:
        bytes_append_string(to, "NULL VALUES ");
        print_values(to, &assertion->insert, "KEY (");
        break;
    case ASSERT_STREAM:
    case ASSERT_TABLE:
        print_assert_source(to, assertion);
        break;
    }
    print_duration(to, " TIMEOUT ", &assertion->timeout);
}

static void print_explain(struct bytes *to, const struct explain_statement *explain) {
    bytes_append_string(to, "EXPLAIN ");
    if (explain->statement)
        print_statement(to, explain->statement);
    else
        print_name(to, explain->query.name);
}

void print_statement(struct bytes *to, const struct statement *statement) {
    switch (statement->kind) {
    case STATEMENT_CREATE:
        print_create(to, &statement->create);
        break;
    case STATEMENT_INSERT_VALUES:
        bytes_append_string(to, "INSERT INTO ");
        print_values(to, &statement->insert, "VALUES (");
        break;
    case STATEMENT_INSERT_SELECT:
        print_insert_select(to, &statement->insert);
        break;
    case STATEMENT_SELECT:
        print_select(to, statement->select);
        break;
    case STATEMENT_DROP:
        print_drop(to, &statement->drop);
        break;
    case STATEMENT_ALTER:
        print_alter(to, &statement->alter);
        break;
    case STATEMENT_CREATE_CONNECTOR:
        print_connector(to, &statement->connector);
        break;
    case STATEMENT_CREATE_TYPE:
        print_type(to, &statement->type);
        break;
    case STATEMENT_SHOW:
        print_show(to, &statement->show);
        break;
    case STATEMENT_DESCRIBE:
        print_describe(to, &statement->describe);
        break;
    case STATEMENT_EXPLAIN:
        print_explain(to, &statement->explain);
        break;
    case STATEMENT_TERMINATE:
        print_target(to, "TERMINATE ", &statement->target);
        break;
    case STATEMENT_PAUSE:
        print_target(to, "PAUSE ", &statement->target);
        break;
    case STATEMENT_RESUME:
        print_target(to, "RESUME ", &statement->target);
        break;
    case STATEMENT_SET:
        print_setting(to, "SET ", statement->setting.name.name, &statement->setting.value);
        break;
    case STATEMENT_UNSET:
        print_setting(to, "UNSET ", statement->setting.name.name, NULL);
        break;
    case STATEMENT_ALTER_SYSTEM:
        print_setting(to, "ALTER SYSTEM ", statement->setting.name.name, &statement->setting.value);
        break;
    case STATEMENT_DEFINE:
    case STATEMENT_UNDEFINE:
        print_variable(to, statement);
        break;
    case STATEMENT_PRINT:
        print_print(to, &statement->print);
        break;
    case STATEMENT_ASSERT:
        print_assert(to, statement->assert);
        break;
    case STATEMENT_RUN_SCRIPT:
        print_setting(to, "RUN SCRIPT ", statement->file, NULL);
        break;
    }
}
