/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.c: declares the plugin. */
#include "kafka.h"

LEAT_PLUGIN("kafka", "0.1.0", "Apache Kafka: source and sink, and a broker inside this process for trying things.",
            &kafka_source, &kafka_sink);
