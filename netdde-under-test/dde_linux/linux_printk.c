/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel messages, see <linux/printk.h> for what is understood, and <linux/bug.h>.
 *
 * A format is taken apart into its conversions. Those that the C library does not know, and %p, are made
 * here; the others are given to snprintf one by one, with the argument of the type that the conversion names.
 */
#include <stdio.h>
#include <stdlib.h>

#include <ddekit/panic.h>
#include <ddekit/printf.h>

#include <linux/bug.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/printk.h>

#define MESSAGE_MAX 512   /* bytes of a message, with the final zero */
#define CONVERSION_MAX 32 /* characters of one conversion */

int console_loglevel = 7;

struct output {
    char *buf;
    size_t size;
    size_t length; /* of the whole text, whether it fits or not */
};

static void put(struct output *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++, out->length++) {
        if (out->length + 1 < out->size)
            out->buf[out->length] = text[i];
    }
}

/* One conversion, without its length modifier: "%-8x". */
struct conversion {
    char text[CONVERSION_MAX];
    size_t length;
    int longs;    /* h -1, hh -2, l 1, ll 2 */
    bool is_size; /* z or t */
    char kind;
};

static void conversion_add(struct conversion *c, char character)
{
    if (c->length + 1 < sizeof(c->text))
        c->text[c->length++] = character;
    c->text[c->length] = '\0';
}

static void conversion_add_number(struct conversion *c, int number)
{
    char digits[12];

    snprintf(digits, sizeof(digits), "%d", number);
    for (const char *d = digits; *d; d++)
        conversion_add(c, *d);
}

/* Reads the conversion behind a percent sign; takes the arguments of its stars. Returns what follows it. */
static const char *conversion_parse(struct conversion *c, const char *fmt, va_list *args)
{
    *c = (struct conversion){.text = "%", .length = 1};
    for (; *fmt && strchr("-+ #0123456789.*", *fmt); fmt++) {
        if (*fmt == '*')
            conversion_add_number(c, va_arg(*args, int));
        else
            conversion_add(c, *fmt);
    }
    for (; *fmt && strchr("hlqLzt", *fmt); fmt++) {
        c->longs += *fmt == 'l' ? 1 : *fmt == 'h' ? -1 : *fmt == 'L' || *fmt == 'q' ? 2 : 0;
        c->is_size |= *fmt == 'z' || *fmt == 't';
    }
    c->kind = *fmt;
    return *fmt ? fmt + 1 : fmt;
}

static void put_number(struct output *out, struct conversion *c, va_list *args)
{
    char text[80];
    bool is_signed = c->kind == 'd' || c->kind == 'i';
    long long value;

    if (c->longs >= 1 || c->is_size)
        value = c->longs >= 2 ? va_arg(*args, long long) : va_arg(*args, long);
    else if (is_signed)
        value = va_arg(*args, int);
    else
        value = va_arg(*args, unsigned int);
    if (c->longs == -1)
        value = is_signed ? (short)value : (unsigned short)value;
    else if (c->longs <= -2)
        value = is_signed ? (signed char)value : (unsigned char)value;
    conversion_add(c, 'l');
    conversion_add(c, 'l');
    conversion_add(c, c->kind);
    /* The format is one that was just checked piece by piece. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    put(out, text, min((size_t)snprintf(text, sizeof(text), c->text, value), sizeof(text) - 1));
#pragma GCC diagnostic pop
}

static void put_text(struct output *out, struct conversion *c, const char *text)
{
    char formatted[MESSAGE_MAX];

    conversion_add(c, 's');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    put(out, formatted,
        min((size_t)snprintf(formatted, sizeof(formatted), c->text, text ? text : "(null)"),
            sizeof(formatted) - 1));
#pragma GCC diagnostic pop
}

/* %*ph: so many octets, at most 64, with what the next letter says in between. Returns what follows it. */
static const char *put_octets(struct output *out, const struct conversion *c, const char *fmt,
                              const unsigned char *octets)
{
    static const struct {
        char letter;
        const char *between;
    } separators[] = {{'C', ":"}, {'D', "-"}, {'N', ""}};
    const char *between = " ";
    int count = clamp(atoi(c->text + 1), 1, 64);
    char text[4];

    for (unsigned int i = 0; i < ARRAY_SIZE(separators); i++)
        if (*fmt == separators[i].letter) {
            between = separators[i].between;
            fmt++;
            break;
        }
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%s%02x", i ? between : "", octets[i]);
        put(out, text, strlen(text));
    }
    return fmt;
}

static const char *put_pointer(struct output *out, const struct conversion *c, const char *fmt, va_list *args)
{
    const unsigned char *pointer = va_arg(*args, const void *);
    char text[24];

    if (*fmt == 'h')
        return put_octets(out, c, fmt + 1, pointer);
    if (*fmt != 'M') {
        put(out, "(____ptrval____)", strlen("(____ptrval____)"));
        return fmt;
    }
    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", pointer[0], pointer[1], pointer[2],
             pointer[3], pointer[4], pointer[5]);
    put(out, text, strlen(text));
    return fmt + 1;
}

int linux_vsnprintf(char *buf, size_t size, const char *fmt, va_list original)
{
    struct output out = {buf, size, 0};
    struct conversion c;
    va_list args;

    va_copy(args, original);
    while (*fmt) {
        size_t plain = strcspn(fmt, "%");
        char character;

        put(&out, fmt, plain);
        fmt += plain;
        if (!*fmt)
            break;
        fmt = conversion_parse(&c, fmt + 1, &args);
        switch (c.kind) {
        case 'd':
        case 'i':
        case 'u':
        case 'x':
        case 'X':
        case 'o':
            put_number(&out, &c, &args);
            break;
        case 's':
            put_text(&out, &c, va_arg(args, const char *));
            break;
        case 'c':
            character = (char)va_arg(args, int);
            put(&out, &character, 1);
            break;
        case 'p':
            fmt = put_pointer(&out, &c, fmt, &args);
            break;
        default:
            put(&out, "%", 1);
            break;
        }
    }
    va_end(args);
    if (size > 0)
        buf[min(out.length, size - 1)] = '\0';
    return (int)out.length;
}

int vprintk(const char *fmt, va_list args)
{
    char buffer[MESSAGE_MAX];
    const char *text = buffer;
    int level = 4;

    /* The level may come from an argument, so it is looked for in the text. */
    linux_vsnprintf(buffer, sizeof(buffer), fmt, args);
    if (text[0] == KERN_SOH[0] && text[1]) {
        level = text[1] == 'c' ? 0 : text[1] - '0';
        text += 2;
    }
    return level < console_loglevel ? ddekit_print(text) : 0;
}

int printk(const char *fmt, ...)
{
    va_list args;
    int length;

    va_start(args, fmt);
    length = vprintk(fmt, args);
    va_end(args);
    return length;
}

void linux_dev_printk(const char *level, const struct device *dev, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    linux_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    printk("%s%s %s: %s", level, dev_driver_string(dev), dev_name(dev), text);
}

void linux_netdev_printk(const char *level, const struct net_device *dev, const char *fmt, ...)
{
    const struct device *parent = dev->dev.parent;
    char text[MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    linux_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (parent)
        printk("%s%s %s %s: %s", level, dev_driver_string(parent), dev_name(parent), netdev_name(dev), text);
    else
        printk("%s%s: %s", level, netdev_name(dev), text);
}

#define HEX_ROW_MAX 32 /* bytes */

void print_hex_dump(const char *level, const char *prefix, int prefix_type, int rowsize,
                    int groupsize __always_unused, const void *buf, size_t len, bool ascii __always_unused)
{
    size_t row = (size_t)clamp(rowsize, 1, HEX_ROW_MAX);

    for (size_t at = 0; at < len; at += row) {
        char text[3 * HEX_ROW_MAX + 1] = "";

        for (size_t i = 0; i < min(row, len - at); i++)
            snprintf(text + 3 * i, sizeof(text) - 3 * i, " %02x", ((const u8 *)buf)[at + i]);
        if (prefix_type == DUMP_PREFIX_NONE)
            printk("%s%s%s\n", level, prefix, text + 1);
        else
            printk("%s%s%08zx:%s\n", level, prefix, at, text);
    }
}

int net_ratelimit(void)
{
    static atomic_t allowed = ATOMIC_INIT(0);
    static unsigned long begun; /* jiffies; who changes it begins a new interval */
    unsigned long seen = READ_ONCE(begun), now = jiffies;

    if ((!seen || time_after(now, seen + 5 * HZ)) && cmpxchg(&begun, seen, now | 1) == seen)
        atomic_set(&allowed, 10);
    return atomic_dec_return(&allowed) >= 0;
}

void panic(const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    linux_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ddekit_panic("%s", text);
}

void linux_report(const char *kind __always_unused, const void *object __always_unused, const char *text)
{
    printk(KERN_WARNING "WARNING: %s\n", text);
}

void linux_report_about(const void *object __always_unused, const char *kind, const char *text)
{
    printk(KERN_WARNING "%s: %s\n", kind, text);
}

void linux_bug(const char *what, const char *file, int line)
{
    ddekit_panic("%s at %s:%d", what, file, line);
}
