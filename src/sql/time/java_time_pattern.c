/* Compiles patterns: the rules of DateTimeFormatterBuilder.appendPattern for how the number of letters chooses a
 * form, and its "adjacent value parsing": in yyyyMMdd the year leaves as many digits as the fixed-width numbers that
 * follow it need. */
#include "sql/time/java_time_pattern.h"
#include "sql/time/java_time_format.h"

enum { PATTERN_DEPTH = 32 };

static const char *const month_names[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
static const char *const day_names[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const half_names[] = {"AM", "PM"};
static const char *const era_names[] = {"Before Christ", "Anno Domini"};
static const char *const era_shorts[] = {"BC", "AD"};
static const char *const quarter_names[] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
static const char *const quarter_shorts[] = {"Q1", "Q2", "Q3", "Q4"};

const struct java_time_names *java_time_names_of(enum java_time_field field) {
    static const struct java_time_names months = {1, 12, month_names, 3, NULL}, days = {1, 7, day_names, 3, NULL},
                                        halves = {0, 2, half_names, 2, NULL}, eras = {0, 2, era_names, 0, era_shorts},
                                        quarters = {1, 4, quarter_names, 0, quarter_shorts};
    switch (field) {
    case FIELD_MONTH:
        return &months;
    case FIELD_DAY_OF_WEEK:
        return &days;
    case FIELD_HALF:
        return &halves;
    case FIELD_ERA:
        return &eras;
    case FIELD_QUARTER:
        return &quarters;
    default:
        return NULL;
    }
}

const struct java_time_zone_name java_time_zone_names[] = {
    {"UTC", "Coordinated Universal Time", "UTC"},
    {"GMT", "Greenwich Mean Time", "GMT"},
    {"PST", "Pacific Standard Time", "America/Los_Angeles"},
    {"PDT", "Pacific Daylight Time", "America/Los_Angeles"},
    {"MST", "Mountain Standard Time", "America/Denver"},
    {"MDT", "Mountain Daylight Time", "America/Denver"},
    {"CST", "Central Standard Time", "America/Chicago"},
    {"CDT", "Central Daylight Time", "America/Chicago"},
    {"EST", "Eastern Standard Time", "America/New_York"},
    {"EDT", "Eastern Daylight Time", "America/New_York"},
    {"BST", "British Summer Time", "Europe/London"},
    {"WET", "Western European Standard Time", "Europe/Lisbon"},
    {"WEST", "Western European Summer Time", "Europe/Lisbon"},
    {"CET", "Central European Standard Time", "Europe/Paris"},
    {"CEST", "Central European Summer Time", "Europe/Paris"},
    {"EET", "Eastern European Standard Time", "Europe/Athens"},
    {"EEST", "Eastern European Summer Time", "Europe/Athens"},
    {"MSK", "Moscow Standard Time", "Europe/Moscow"},
    {"JST", "Japan Standard Time", "Asia/Tokyo"},
    {"KST", "Korean Standard Time", "Asia/Seoul"},
    {"AEST", "Australian Eastern Standard Time", "Australia/Sydney"},
    {"AEDT", "Australian Eastern Daylight Time", "Australia/Sydney"},
};
const size_t java_time_zone_name_count = sizeof java_time_zone_names / sizeof *java_time_zone_names;

/* --- the compiler
 * ------------------------------------------------------------------------------------------------------------------ */

struct pattern_compiler {
    struct java_time_element *elements;
    size_t count;
    struct java_time_element *base;    /* the number that following ones of fixed width are adjacent to */
    size_t open[PATTERN_DEPTH], depth; /* options that have not ended */
    struct error *error;
};

static struct java_time_element *pattern_add(struct pattern_compiler *compiler, struct java_time_element element) {
    compiler->elements[compiler->count] = element;
    compiler->base = NULL;
    return &compiler->elements[compiler->count++];
}

/* A number of fixed width right after another one takes its digits from it; any other begins anew. */
static void pattern_add_number(struct pattern_compiler *compiler, struct java_time_element number) {
    struct java_time_element *base = compiler->base;
    bool fixed = number.minimum == number.maximum && number.sign == SIGN_NOT_NEGATIVE;
    struct java_time_element *added = pattern_add(compiler, number);
    if (base && fixed) {
        base->subsequent += number.maximum;
        compiler->base = base;
    } else {
        if (base)
            base->subsequent = 0;
        compiler->base = added;
    }
}

static void pattern_number(struct pattern_compiler *compiler, enum java_time_field field, unsigned minimum,
                           unsigned maximum, enum java_time_sign sign) {
    pattern_add_number(
        compiler, (struct java_time_element){
                      .kind = ELEMENT_NUMBER, .field = field, .minimum = minimum, .maximum = maximum, .sign = sign});
}

/* One letter: as many digits as there are; two: two digits. */
static void pattern_plain(struct pattern_compiler *compiler, enum java_time_field field, unsigned count) {
    if (count == 1)
        pattern_number(compiler, field, 1, 19, SIGN_NORMAL);
    else
        pattern_number(compiler, field, count, count, SIGN_NOT_NEGATIVE);
}

static void pattern_year(struct pattern_compiler *compiler, enum java_time_field field, unsigned count) {
    if (count == 2)
        pattern_add_number(
            compiler,
            (struct java_time_element){
                .kind = ELEMENT_REDUCED, .field = field, .minimum = 2, .maximum = 2, .sign = SIGN_NOT_NEGATIVE});
    else
        pattern_number(compiler, field, count, 19, count < 4 ? SIGN_NORMAL : SIGN_EXCEEDS_PAD);
}

static int pattern_too_many(struct pattern_compiler *compiler, char letter) {
    return error_set(compiler->error, ERROR_INVALID, "Too many pattern letters: %c", letter);
}

static int pattern_text(struct pattern_compiler *compiler, enum java_time_field field, unsigned style, char letter) {
    if (style > STYLE_NARROW)
        return pattern_too_many(compiler, letter);
    pattern_add(compiler, (struct java_time_element){.kind = ELEMENT_TEXT,
                                                     .field = field,
                                                     .style = style < STYLE_SHORT ? STYLE_SHORT : style});
    return 0;
}

static int pattern_offset(struct pattern_compiler *compiler, char letter, unsigned count) {
    static const enum java_time_offset forms[] = {OFFSET_HH_mm, OFFSET_HHMM, OFFSET_HH_MM_COLON, OFFSET_HHMM_ss,
                                                  OFFSET_HH_MM_ss_COLON};
    struct java_time_element element = {.kind = ELEMENT_OFFSET};
    if (count > 5)
        return pattern_too_many(compiler, letter);
    if (letter == 'Z' && count == 4)
        element = (struct java_time_element){.kind = ELEMENT_LOCAL_OFFSET, .style = STYLE_FULL};
    else if (letter == 'Z')
        element.style = count < 4 ? OFFSET_HHMM : OFFSET_HH_MM_ss_COLON;
    else
        element.style = forms[count - 1];
    if (letter == 'X' || count == 5)
        element.text = SLICE("Z");
    else if (letter == 'Z')
        element.text = SLICE("+0000");
    if (letter == 'x')
        element.text = count == 1 ? SLICE("+00") : count % 2 == 0 ? SLICE("+0000") : SLICE("+00:00");
    pattern_add(compiler, element);
    return 0;
}

static int pattern_zone(struct pattern_compiler *compiler, char letter, unsigned count) {
    enum java_time_element_kind kind = letter == 'V'   ? ELEMENT_ZONE_ID
                                       : letter == 'z' ? ELEMENT_ZONE_NAME
                                                       : ELEMENT_LOCAL_OFFSET;
    if ((letter == 'V' && count != 2) || (letter == 'O' && count != 1 && count != 4))
        return error_set(compiler->error, ERROR_INVALID, "Pattern letter count must be %s: %c",
                         letter == 'V' ? "2" : "1 or 4", letter);
    if (count > 4)
        return pattern_too_many(compiler, letter);
    pattern_add(compiler, (struct java_time_element){.kind = kind, .style = count == 4 ? STYLE_FULL : STYLE_SHORT});
    return 0;
}

/* Letters that stand for a number of one or two digits, with how many may be given. */
static const struct {
    char letter;
    enum java_time_field field;
    unsigned most;
} plain_letters[] = {
    {'d', FIELD_DAY, 2},           {'h', FIELD_CLOCK_HOUR_OF_HALF, 2},
    {'K', FIELD_HOUR_OF_HALF, 2},  {'k', FIELD_CLOCK_HOUR, 2},
    {'H', FIELD_HOUR, 2},          {'m', FIELD_MINUTE, 2},
    {'s', FIELD_SECOND, 2},        {'w', FIELD_WEEK, 2},
    {'W', FIELD_WEEK_OF_MONTH, 1}, {'F', FIELD_ALIGNED_WEEK, 1},
};

static int pattern_field(struct pattern_compiler *compiler, char letter, unsigned count) {
    for (size_t i = 0; i < sizeof plain_letters / sizeof *plain_letters; i++) {
        if (plain_letters[i].letter != letter)
            continue;
        if (count > plain_letters[i].most)
            return pattern_too_many(compiler, letter);
        pattern_plain(compiler, plain_letters[i].field, count);
        return 0;
    }
    switch (letter) {
    case 'G':
        return pattern_text(compiler, FIELD_ERA, count, letter);
    case 'u':
    case 'y':
    case 'Y':
        if (count > 19)
            return pattern_too_many(compiler, letter);
        pattern_year(compiler, letter == 'u' ? FIELD_YEAR : letter == 'y' ? FIELD_YEAR_OF_ERA : FIELD_WEEK_YEAR, count);
        return 0;
    case 'M':
    case 'L':
    case 'Q':
    case 'q': {
        enum java_time_field field = letter == 'M' || letter == 'L' ? FIELD_MONTH : FIELD_QUARTER;
        if (count > 2)
            return pattern_text(compiler, field, count, letter);
        pattern_plain(compiler, field, count);
        return 0;
    }
    case 'e':
    case 'c':
        if (count > 2)
            return pattern_text(compiler, FIELD_DAY_OF_WEEK, count, letter);
        pattern_plain(compiler, FIELD_LOCAL_DAY_OF_WEEK, count);
        return 0;
    case 'E':
        return pattern_text(compiler, FIELD_DAY_OF_WEEK, count, letter);
    case 'a':
        return count == 1 ? pattern_text(compiler, FIELD_HALF, STYLE_SHORT, letter)
                          : pattern_too_many(compiler, letter);
    case 'D':
        if (count > 3)
            return pattern_too_many(compiler, letter);
        if (count == 1)
            pattern_plain(compiler, FIELD_DAY_OF_YEAR, 1);
        else
            pattern_number(compiler, FIELD_DAY_OF_YEAR, count, 3, SIGN_NOT_NEGATIVE);
        return 0;
    case 'S':
        if (count > 9)
            return pattern_too_many(compiler, letter);
        pattern_add_number(compiler, (struct java_time_element){.kind = ELEMENT_FRACTION,
                                                                .field = FIELD_NANO,
                                                                .minimum = count,
                                                                .maximum = count,
                                                                .sign = SIGN_NOT_NEGATIVE});
        return 0;
    case 'A':
    case 'n':
    case 'N':
        if (count > 19)
            return pattern_too_many(compiler, letter);
        pattern_number(compiler,
                       letter == 'A'   ? FIELD_MILLI_OF_DAY
                       : letter == 'n' ? FIELD_NANO
                                       : FIELD_NANO_OF_DAY,
                       count, 19, SIGN_NORMAL);
        return 0;
    case 'X':
    case 'x':
    case 'Z':
        return pattern_offset(compiler, letter, count);
    case 'V':
    case 'z':
    case 'O':
        return pattern_zone(compiler, letter, count);
    default:
        return error_set(compiler->error, ERROR_INVALID, "Unknown pattern letter: %c", letter);
    }
}

/* Text in quotes, '' for one quote; *at stands after the opening one. */
static int pattern_quoted(struct pattern_compiler *compiler, struct arena *arena, const char **at, const char *end) {
    char *text = arena_allocate(arena, (size_t)(end - *at) + 1);
    size_t length = 0;
    if (!text)
        return error_no_memory(compiler->error);
    for (const char *from = *at; from < end; from++) {
        if (*from == '\'') {
            if (from + 1 == end || from[1] != '\'') {
                if (!length)
                    text[length++] = '\'';
                pattern_add(compiler, (struct java_time_element){.kind = ELEMENT_LITERAL, .text = {text, length}});
                *at = from + 1;
                return 0;
            }
            from++;
        }
        text[length++] = *from;
    }
    return error_set(compiler->error, ERROR_INVALID, "Pattern ends with an incomplete string literal");
}

static int pattern_option(struct pattern_compiler *compiler, char bracket) {
    if (bracket == '[') {
        if (compiler->depth == PATTERN_DEPTH)
            return error_set(compiler->error, ERROR_INVALID,
                             "Pattern has more than %d optional sections within each other", PATTERN_DEPTH);
        compiler->open[compiler->depth++] = compiler->count;
        pattern_add(compiler, (struct java_time_element){.kind = ELEMENT_OPTION});
        return 0;
    }
    if (!compiler->depth)
        return error_set(compiler->error, ERROR_INVALID, "Pattern invalid as it contains ] without previous [");
    compiler->elements[compiler->open[--compiler->depth]].end = compiler->count;
    pattern_add(compiler, (struct java_time_element){.kind = ELEMENT_OPTION_END});
    return 0;
}

static int pattern_next(struct pattern_compiler *compiler, struct arena *arena, const char **at, const char *end) {
    const char *begin = *at;
    char c = *begin;
    if ((c | 32) >= 'a' && (c | 32) <= 'z') {
        while (*at < end && **at == c)
            ++*at;
        return pattern_field(compiler, c, (unsigned)(*at - begin));
    }
    ++*at;
    if (c == '\'')
        return pattern_quoted(compiler, arena, at, end);
    if (c == '[' || c == ']')
        return pattern_option(compiler, c);
    if (c == '{' || c == '}' || c == '#')
        return error_set(compiler->error, ERROR_INVALID, "Pattern includes reserved character: '%c'", c);
    pattern_add(compiler, (struct java_time_element){.kind = ELEMENT_LITERAL, .text = {begin, 1}});
    return 0;
}

int java_time_pattern_compile(struct arena *arena, struct slice pattern, const struct java_time_pattern **ret_pattern,
                              struct error *error) {
    struct java_time_pattern *compiled = arena_allocate(arena, sizeof *compiled);
    struct pattern_compiler compiler = {
        .error = error, .elements = arena_allocate(arena, (2 * pattern.length + 1) * sizeof *compiler.elements)};
    struct slice copy = arena_copy(arena, pattern);
    if (!compiled || !compiler.elements || !copy.data)
        return error_no_memory(error);
    for (const char *at = copy.data, *end = at + copy.length; at < end;) {
        int code = pattern_next(&compiler, arena, &at, end);
        if (code)
            return code;
    }
    while (compiler.depth) /* sections that are still open end with the pattern */
        pattern_option(&compiler, ']');
    *compiled = (struct java_time_pattern){compiler.count, compiler.elements};
    *ret_pattern = compiled;
    return 0;
}
