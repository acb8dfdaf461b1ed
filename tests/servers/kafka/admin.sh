#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# admin.sh DIR COMMAND ARGUMENT... : one of Kafka's own command line tools
# against the cluster that start.sh runs on DIR.  COMMAND is topics, acls,
# configs, groups or transactions; --help lists what each can do.
#   admin.sh DIR topics --create --topic t --partitions 4
#   admin.sh DIR configs --alter --entity-type clients --entity-default \
#       --add-config producer_byte_rate=10000        (a slow broker)
. "$(dirname "$0")/../lib.sh"

case ${2:-} in
topics) class=org.apache.kafka.tools.TopicCommand ;;
acls) class=kafka.admin.AclCommand ;;
configs) class=kafka.admin.ConfigCommand ;;
groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
transactions) class=org.apache.kafka.tools.TransactionsCommand ;;
*) die "usage: admin.sh DIR topics|acls|configs|groups|transactions ARGUMENT..." ;;
esac
jars=$(once kafka "$HERE/pom.xml" -- maven_jars "$HERE/pom.xml")
. "$DIR/env"
exec java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dlog4j.configuration="file:$HERE/tools-log4j.properties" -cp "$jars/*" \
    "$class" --bootstrap-server "$KAFKA_PLAIN" "${@:3}"
