/* SPDX-License-Identifier: Apache-2.0 */
/* display.h: a run on the terminal: one calm line per processor, and the summary at the end. */
#ifndef LEAT_CORE_DISPLAY_H
#define LEAT_CORE_DISPLAY_H

#include "core/run/run.h"

struct display;
/* live: redraw in place (a terminal); else nothing is printed before the summary. */
struct display *display_new(const struct plan *plan, const struct run *r, FILE *to, bool live);
void display_turn(struct display *d); /* [main] draws what is due */
void display_summary(struct display *d);
void display_summary_json(struct display *d, FILE *to, int result, const struct err *err); /* one line */
void display_free(struct display *d);
#endif
