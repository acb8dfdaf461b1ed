/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.h: the processors of this plugin. */
#ifndef LEAT_KAFKA_H
#define LEAT_KAFKA_H

#include <leat/plugin.h>

extern const leat_processor kafka_source, kafka_sink;
#endif
