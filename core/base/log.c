/* SPDX-License-Identifier: Apache-2.0 */
/* log.c: lines to stderr; a line that repeats is printed once in ten seconds with how often it came. */
#include "core/base/base.h"

#include <ctype.h>
#include <pthread.h>
#include <unistd.h>

enum { KNOWN = 64, QUIET_US = 10 * 1000 * 1000 };
static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* One sentence lately printed. */
struct said {
    uint64_t hash;
    int64_t printed_us;
    uint64_t unsaid; /* times since */
    enum log_level level;
    char where[64], text[512];
};
static struct {
    pthread_mutex_t lock;
    enum log_level least;
    bool json;
    int fd;
    struct said said[KNOWN];
    void (*before)(void);
    void (*after)(void);
} self = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_INFO, .fd = STDERR_FILENO};

void log_setup(enum log_level least, bool json, int fd)
{
    self.least = least;
    self.json = json;
    self.fd = fd;
}

void log_around(void (*before)(void), void (*after)(void))
{
    pthread_mutex_lock(&self.lock);
    self.before = before;
    self.after = after;
    pthread_mutex_unlock(&self.lock);
}

static void print(const struct said *s, uint64_t times)
{
    char time[40];
    auto_buf line = {0};
    print_time(time, clock_wall_us());
    if (self.json) {
        buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"where\":", time, level_names[s->level]);
        buf_json(&line, text_of(s->where));
        buf_str(&line, ",\"text\":");
        buf_json(&line, text_of(s->text));
        if (times > 1)
            buf_printf(&line, ",\"times\":%llu", (unsigned long long)times);
        buf_str(&line, "}\n");
    } else {
        buf_printf(&line, "%.19s %-5s %s: %s", time, level_names[s->level], s->where, s->text);
        if (times > 1)
            buf_printf(&line, " (%llu times)", (unsigned long long)times);
        buf_char(&line, '\n');
    }
    if (self.before)
        self.before();
    (void)write_all(self.fd, line.data, line.n);
    if (self.after)
        self.after();
}

/* Numbers do not make a sentence another one. */
static uint64_t sentence_hash(const struct said *s, const char *sentence)
{
    char plain[sizeof s->text];
    size_t n = 0;
    for (const char *at = sentence; *at && n < sizeof plain; at++)
        if (!isdigit((unsigned char)*at))
            plain[n++] = *at;
    return hash64(plain, n, hash64(s->where, strlen(s->where), s->level));
}

static struct said *find(uint64_t hash)
{
    struct said *oldest = &self.said[0];
    for (size_t i = 0; i < KNOWN; i++) {
        if (self.said[i].hash == hash)
            return &self.said[i];
        if (self.said[i].printed_us < oldest->printed_us)
            oldest = &self.said[i];
    }
    if (oldest->unsaid)
        print(oldest, oldest->unsaid);
    *oldest = (struct said){0};
    return oldest;
}

static void say(enum log_level level, const char *where, const char *alike, const char *format, va_list args)
{
    struct said now = {.level = level};
    if (level < self.least)
        return;
    vsnprintf(now.text, sizeof now.text, format, args);
    secret_strike(now.text, false);
    snprintf(now.where, sizeof now.where, "%s", where);
    now.hash = sentence_hash(&now, alike ? alike : now.text);
    now.printed_us = clock_mono_us();
    pthread_mutex_lock(&self.lock);
    struct said *s = find(now.hash);
    if (s->hash && now.printed_us - s->printed_us < QUIET_US) {
        memcpy(s->text, now.text, sizeof s->text);
        s->unsaid++;
    } else {
        uint64_t times = s->hash ? s->unsaid + 1 : 1;
        *s = now;
        print(s, times);
    }
    pthread_mutex_unlock(&self.lock);
}

void log_line(enum log_level level, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(level, where, NULL, format, args);
    va_end(args);
}

void log_alike(enum log_level level, const char *where, const char *alike, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(level, where, alike, format, args);
    va_end(args);
}

void log_flush(void)
{
    pthread_mutex_lock(&self.lock);
    for (size_t i = 0; i < KNOWN; i++)
        if (self.said[i].unsaid) {
            print(&self.said[i], self.said[i].unsaid);
            self.said[i].unsaid = 0;
        }
    pthread_mutex_unlock(&self.lock);
}
